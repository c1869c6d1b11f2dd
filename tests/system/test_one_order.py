"""Three web nodes that share a database have one public certificate, and order it once."""

import signal
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509

from tests.support import pebble as pebbles
from tests.support.installation import Installation, Node
from tests.support.pebble import Pebble, needs_pebble
from tests.support.postgresql import Alone
from tests.support.product import until

pytestmark = [needs_pebble, pytest.mark.system, pytest.mark.slow]

NAME = "models.example.test"
WEBS = 3


@pytest.fixture
def pebble() -> Iterator[Pebble]:
    with pebbles.running() as made:
        yield made


@pytest.fixture
def whole(tmp_path: Path, pebble: Pebble) -> Iterator[Installation]:
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
                    "HttpPort": pebble.http_port,
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
