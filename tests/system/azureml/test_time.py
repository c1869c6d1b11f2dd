"""What time does to certificates of front ends: ours are renewed, those of others are warned about."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.support import azureml
from tests.support.azureml import AzureMl, serial
from tests.support.certificates import hierarchy
from tests.support.product import until
from tests.support.skewed import needs_faketime, off_by

pytestmark = [pytest.mark.slow, pytest.mark.system, needs_faketime]

HOST = "www.contoso.test"
LATER = timedelta(hours=20)  # of 24 that ours are good for, and theirs is


def made(client: AzureMl) -> str:
    """Create two computes, with our certificate and with somebody's; return the name of ours."""
    given = hierarchy(name="Company").issue(HOST, life=timedelta(hours=24))
    (client.work / "cert.pem").write_bytes(given.chain_pem)
    (client.work / "key.pem").write_bytes(given.key_pem)
    own = {"ssl_cname": HOST, "ssl_cert_pem_file": "cert.pem", "ssl_key_pem_file": "key.pem"}
    assert client.play("compute", name="own", ssl=own)["accepted"]["status"] == "Enabled"
    auto = client.play("compute", name="auto", ssl={"leaf_domain_label": "contoso"})
    name: str = auto["accepted"]["cname"]
    return name


def test_hours_later_one_is_renewed_and_the_other_warned_about(kind: str, tmp_path: Path) -> None:
    product = azureml.start(tmp_path / "home")
    with AzureMl(product, tmp_path / "work", client=kind) as client:
        ours = made(client)
    before = {host: serial(product, host) for host in (ours, HOST)}
    product.stop()
    later = azureml.start(tmp_path / "home", **off_by(LATER))
    try:
        until(lambda: serial(later, ours) != before[ours])
        until(lambda: "frontend.renewed" in later.log)
        until(lambda: "frontend.certificate_expiring" in later.log)
        assert serial(later, HOST) == before[HOST]
    finally:
        later.stop()
    assert later.log.count("frontend.certificate_expiring") == 1
