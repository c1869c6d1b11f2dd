"""Three web nodes that share a database have one public certificate, and order it once."""

import signal
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509

from tests.support import pebble as pebbles
from tests.support.installation import WEB, Installation, Node
from tests.support.pebble import Pebble, needs_pebble
from tests.support.postgresql import Alone
from tests.support.product import until

pytestmark = [needs_pebble, pytest.mark.system, pytest.mark.slow]

NAME = "models.example.test"
WEBS = 3


@pytest.fixture
def pebble() -> Iterator[Pebble]:
    with pebbles.running(tls_port=WEB) as made:
        yield made


@pytest.fixture
def whole(tmp_path: Path, pebble: Pebble) -> Iterator[Installation]:
    with installed(tmp_path, pebble, {"HttpPort": pebble.http_port}) as made:
        yield made


@contextmanager
def installed(
    tmp_path: Path, pebble: Pebble, proving: Mapping[str, object]
) -> Iterator[Installation]:
    postgresql = Alone()
    try:
        with postgresql.cluster.database() as where:
            made = Installation(tmp_path, where)
            for _ in range(WEBS):
                address = made.address()
                acme = {
                    "Directory": pebble.directory,
                    "Ca": str(pebble.ca),
                    "AgreeTos": True,
                    **proving,
                }
                made.add_web(
                    {
                        "Kestrel": {"Host": address, "HttpsEnabled": True},
                        "Certificates": {"Names": [NAME], "Acme": acme},
                    }
                )
            yield made
            made.stop()
    finally:
        postgresql.remove()


def of_name(node: Node) -> dict[str, object]:
    """Return what `hermetic certificate` tells of the public certificate of *node*."""
    node.ca = Path(node.ready["ca"])  # its own authority certifies this machine's names
    with node.client(node.token()) as client:
        found: list[dict[str, object]] = client.get("/certificates").raise_for_status().json()
    return next(one for one in found if one["entry"] == "api")


def shown(node: Node) -> x509.Certificate | None:
    """Return what *node* presents to who asks for the public name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection((node.address, node.port), 10) as plain,
            context.wrap_socket(plain, server_hostname=NAME) as sealed,
        ):
            der = sealed.getpeercert(binary_form=True)
    except OSError:
        return None
    return x509.load_der_x509_certificate(der) if der else None


def serials(nodes: list[Node]) -> set[int]:
    """Return the serial numbers of the public certificates that *nodes* present; 0 for none."""
    found = [shown(one) for one in nodes]
    public = [one if one and "Pebble" in one.issuer.rfc4514_string() else None for one in found]
    return {one.serial_number if one else 0 for one in public}


def test_one_of_them_orders_and_all_present_it(whole: Installation, pebble: Pebble) -> None:
    whole.start()
    until(lambda: len(serials(whole.webs)) == 1 and 0 not in serials(whole.webs))
    (first,) = serials(whole.webs)
    orders = sum("acme.registered" in one.log for one in whole.webs)
    assert orders == 1  # one account, made by one of them
    assert all(not list((one.home / "acme").rglob("account.key")) for one in whole.webs)
    # whoever made it dies, and another one that has never seen it starts in an empty home
    leader = next(one for one in whole.webs if "acme.registered" in one.log)
    leader.stop(how=signal.SIGKILL)
    others = [one for one in whole.webs if one is not leader]
    assert serials(others) == {first}
    leader.start()
    until(lambda: serials(whole.webs) == {first})
    assert pebble.status_of(first) == "Valid"


def test_whichever_of_them_the_server_asks_has_the_answer(tmp_path: Path, pebble: Pebble) -> None:
    """The name leads to one node, and another one's is the order."""
    proving = {"Challenge": "tls-alpn-01", "TlsPort": WEB}
    with installed(tmp_path, pebble, proving) as whole:
        pebble.tell_dns("add-a", host=NAME, addresses=["127.0.0.9"])  # to nobody yet
        whole.start()
        until(lambda: any("certificate.renewal_failed" in one.log for one in whole.webs))
        leader = next(one for one in whole.webs if "acme.registered" in one.log)
        assert of_name(leader)["notAfter"] is None
        assert "127.0.0.9" in str(of_name(leader)["lastError"])
        other = next(one for one in whole.webs if one is not leader)
        pebble.tell_dns("clear-a", host=NAME)
        pebble.tell_dns("add-a", host=NAME, addresses=[other.address])
        until(lambda: len(serials(whole.webs)) == 1 and 0 not in serials(whole.webs), within_s=90)
        assert "acme.shown_for_another" in other.log
