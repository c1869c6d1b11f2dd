"""Own certificates at computes and services, with both clients."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from hermetic.certificates.credential import Credential
from tests.support.azureml import AzureMl, handshake, serial, uri_of
from tests.support.certificates import DAY, Hierarchy, hierarchy
from tests.support.product import Product

pytestmark = [pytest.mark.slow, pytest.mark.system]

HOST = "www.contoso.test"


@pytest.fixture(scope="module")
def company(client: AzureMl) -> Hierarchy:
    """The authority of somebody's company, which the client believes and the product does not."""
    authority = hierarchy(name="Company")
    client.believe(authority.root_pem)
    return authority


def files(work: Path, credential: Credential, key: bytes | None = None) -> dict[str, str]:
    """Write *credential* as PEM files, and return the arguments that name them."""
    (work / "cert.pem").write_bytes(credential.chain_pem)
    (work / "key.pem").write_bytes(key or credential.key_pem)
    return {"ssl_cert_pem_file": "cert.pem", "ssl_key_pem_file": "key.pem"}


def own(client: AzureMl, credential: Credential, **more: Any) -> dict[str, Any]:
    return {"ssl": {**files(client.work, credential, **more), "ssl_cname": HOST}}


@pytest.fixture(scope="module")
def cluster(client: AzureMl, company: Hierarchy) -> str:
    """A compute with a certificate of its owner's."""
    client.resolve(HOST)
    made = client.play("compute", name="own", **own(client, company.issue(HOST)))
    assert made["accepted"]["status"] == "Enabled", made
    assert made["accepted"]["key"] is None
    return "own"


def test_the_whole_chain_is_presented(client: AzureMl, product: Product, cluster: str) -> None:
    said = handshake(product, HOST, "-tls1_2")
    assert said.count("BEGIN CERTIFICATE") == 2
    assert "Company intermediate" in said


def test_what_is_deployed_there_is_called_by_that_name(
    client: AzureMl, product: Product, cluster: str
) -> None:
    deployed = client.play("deploy", name="named", on=cluster, num_replicas=1)
    assert (
        deployed["accepted"]["uri"] == f"https://{HOST}:{product.port}/api/v1/service/named/score"
    )
    assert client.play("run", name="named", x=1)["accepted"]["got"] == {"x": 1}


def test_a_new_certificate_needs_no_new_deployment(
    client: AzureMl, product: Product, cluster: str, company: Hierarchy
) -> None:
    before = client.play("services"), serial(product, HOST)
    fresh = company.issue(HOST)
    given = {"cname": HOST, "cert": fresh.chain_pem.decode(), "key": fresh.key_pem.decode()}
    assert client.play("update_compute", name=cluster, **given)["accepted"]["cname"] == HOST
    assert int(serial(product, HOST), 16) == fresh.chain.serial
    assert client.play("services") == before[0]


def test_it_is_not_renewed_in_its_owners_place(client: AzureMl, cluster: str) -> None:
    assert client.play("update_compute", name=cluster, renew=True)["refused"]


def encrypted(credential: Credential) -> bytes:
    return credential.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )


def test_a_key_with_a_passphrase_is_refused_and_changes_nothing(
    client: AzureMl, product: Product, cluster: str, company: Hierarchy
) -> None:
    before = serial(product, HOST)
    fresh = company.issue(HOST)
    given = {"cname": HOST, "cert": fresh.chain_pem.decode(), "key": encrypted(fresh).decode()}
    refused = client.play("update_compute", name=cluster, **given)
    assert "passphrase" in refused["text"]
    assert serial(product, HOST) == before
    assert "ENCRYPTED" not in product.log


BAD = "bad.contoso.test"


def code_in(text: str) -> str:
    """Return the code that a refusal tells, as it stands in the answer or in a line of its own."""
    found = re.search(r'"code":"([a-z-]+)"|Response Code: 400\n([a-z-]+): ', text)
    return (found[1] or found[2]) if found else ""


def bad_material(company: Hierarchy) -> Sequence[tuple[str, bytes, bytes]]:
    """Return kinds of material that cannot be used: the code, the certificate, the key."""
    good, other = company.issue(BAD), company.issue(BAD)
    expired = company.issue(BAD, now=company.now - 2 * DAY)
    elsewhere = company.issue("www.fabrikam.test")
    alone = good.chain.leaf.public_bytes(serialization.Encoding.PEM)
    return (
        ("key-mismatch", good.chain_pem, other.key_pem),
        ("missing-intermediate", alone, good.key_pem),
        ("expired", expired.chain_pem, expired.key_pem),
        ("wrong-name", elsewhere.chain_pem, elsewhere.key_pem),
    )


def test_what_cannot_be_presented_is_refused_by_a_code_of_its_own(
    client: AzureMl, company: Hierarchy
) -> None:
    codes = []
    for _, certificate, key in bad_material(company):
        (client.work / "cert.pem").write_bytes(certificate)
        (client.work / "key.pem").write_bytes(key)
        ssl = {"ssl_cert_pem_file": "cert.pem", "ssl_key_pem_file": "key.pem", "ssl_cname": BAD}
        refused = client.play("compute", name="refused", ssl=ssl)
        assert "Response Code: 400" in refused["text"]
        codes.append(code_in(refused["text"]))
    assert codes == [code for code, _, _ in bad_material(company)]
    assert "refused" not in client.play("computes")


def test_a_file_that_is_no_pem_or_missing_is_refused_before_anything_is_sent(
    client: AzureMl, company: Hierarchy
) -> None:
    der = company.issue(HOST).chain.leaf.public_bytes(serialization.Encoding.DER)
    (client.work / "cert.der").write_bytes(der)
    ssl = {"ssl_cert_pem_file": "cert.der", "ssl_key_pem_file": "key.pem", "ssl_cname": HOST}
    binary = client.play("compute", name="binary", ssl=ssl)
    assert binary["raised"] == "UnicodeDecodeError"
    missing = client.play("compute", name="missing", ssl={**ssl, "ssl_cert_pem_file": "none.pem"})
    assert missing["refused"] == "ComputeTargetException"


def test_nobody_takes_the_name_of_another_front_end(
    client: AzureMl, cluster: str, company: Hierarchy
) -> None:
    taken = client.play("compute", name="second", **own(client, company.issue(HOST)))
    assert "another front end answers" in taken["text"].lower()


def test_nobody_takes_the_name_of_the_node(client: AzureMl, company: Hierarchy) -> None:
    made = files(client.work, company.issue("localhost"))
    taken = client.play("deploy", name="node", ssl_enabled=True, ssl_cname="LocalHost", **made)
    assert "own name" in str(taken), taken
    assert "node" not in client.play("services")


def test_self_signed_certificates_are_for_development_alone(
    client: AzureMl, company: Hierarchy
) -> None:
    root = company.root
    ssl = {**files(client.work, root), "ssl_cname": HOST}
    assert client.play("compute", name="selfmade", ssl=ssl)["refused"]


ACI = "aci.contoso.test"


def test_a_service_has_a_front_end_of_its_own(
    client: AzureMl, product: Product, company: Hierarchy
) -> None:
    client.resolve(ACI)
    made = files(client.work, company.issue(ACI))
    deployed = client.play("deploy", name="alone", ssl_enabled=True, ssl_cname=ACI, **made)
    seen = deployed["accepted"]
    assert (seen["ssl"], seen["cname"], seen["key"]) == (True, ACI, None)
    assert seen["address"] == "127.0.0.1"
    assert seen["uri"] == f"https://{ACI}:{product.port}/score"
    assert client.play("call", uri=seen["uri"], x=2)["body"]["got"] == {"x": 2}
    assert "Cipher is (NONE)" not in handshake(product, ACI, "-tls1_2")


def test_its_tls_is_switched_on_renewed_and_off(
    client: AzureMl, product: Product, company: Hierarchy
) -> None:
    host = "switched.contoso.test"
    plain = client.play("deploy", name="switched")["accepted"]
    client.resolve(host, plain["uri"].split("/")[2].partition(":")[0])
    assert client.play("run", name="switched", x=1)["accepted"]["got"] == {"x": 1}
    off_already = client.play("update", name="switched", **files(client.work, company.issue(host)))
    assert off_already["refused"]
    first = company.issue(host)
    on = {"ssl_enabled": True, "ssl_cname": host, **files(client.work, first)}
    assert client.play("update", name="switched", **on)["accepted"]["uri"].startswith("https://")
    assert int(serial(product, host), 16) == first.chain.serial
    second = company.issue(host)
    client.play("update", name="switched", **files(client.work, second))
    assert int(serial(product, host), 16) == second.chain.serial
    assert client.play("run", name="switched", x=2)["accepted"]["got"] == {"x": 2}
    off = client.play("update", name="switched", ssl_enabled=False)["accepted"]
    assert off["uri"] == plain["uri"]
    assert uri_of(client, "switched") == plain["uri"]
