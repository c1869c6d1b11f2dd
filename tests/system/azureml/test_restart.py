"""What a client deployed outlasts the node, however that ends."""

import signal
from pathlib import Path

import pytest

from tests.support import azureml
from tests.support.applications import Applications
from tests.support.azureml import AzureMl
from tests.support.product import Product

pytestmark = [pytest.mark.slow, pytest.mark.system]


def deployed(product: Product, work: Path, kind: str) -> tuple[str, str]:
    """Deploy something on a compute with TLS; return its host name and a key of it."""
    with AzureMl(product, work, client=kind) as client:
        made = client.play("compute", name="kept", ssl={"leaf_domain_label": "kept"})["accepted"]
        assert client.play("deploy", name="kept", on="kept", num_replicas=1)["accepted"]
        return made["cname"], client.play("keys", name="kept")[0]


def test_it_is_called_by_the_same_name_and_key_after_a_kill(kind: str, tmp_path: Path) -> None:
    product = azureml.start(tmp_path / "home")
    host, key = deployed(product, tmp_path / "work", kind)
    product.stop(how=signal.SIGKILL)
    again = azureml.start(tmp_path / "home")
    try:
        uri = f"https://{host}:{again.port}/api/v1/service/kept/score"
        with Applications(uri, key, str(again.ca)) as applications:
            assert applications.call(x=1) == 200
        with Applications(uri, "another", str(again.ca)) as strangers:
            assert strangers.call(x=1) == 401
    finally:
        again.stop()
