"""Which groups handshakes agree on: asked of handshakes, since nothing else tells."""

import ssl
import subprocess
import sys

import pytest

from hermetic.tls import groups
from hermetic.tls.contexts import server_context
from tests.support.certificates import Hierarchy
from tests.support.memory_tls import shake, trusting

# In a process of its own: what is limited stays limited.
BEFORE_AND_AFTER = """
import ssl
from hermetic.tls import groups
from hermetic.certificates import keys, signing
from tests.support.certificates import hierarchy
from tests.support.memory_tls import shake, trusting
from hermetic.tls.memory import as_path

leaf = hierarchy().issue()
def agrees():
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with as_path(leaf.chain_pem + leaf.key_pem) as path:
        server.load_cert_chain(path)
    client = trusting(None)
    client.set_ecdh_curve("secp521r1")
    return shake(server, client).succeeded

print(agrees(), groups.limit_new_contexts(), agrees())
"""


def client_with(group: str) -> ssl.SSLContext:
    """Return a client that knows one group only."""
    client = trusting(None)
    client.set_ecdh_curve(group)
    return client


@pytest.mark.parametrize("group", ["prime256v1", "secp384r1"])
def test_a_group_of_the_profile_is_agreed_on(authority: Hierarchy, group: str) -> None:
    assert shake(server_context(authority.issue()), client_with(group)).succeeded


def test_a_group_beside_the_profile_is_not(authority: Hierarchy) -> None:
    shaken = shake(server_context(authority.issue()), client_with("secp521r1"))
    assert shaken.server_error == "NO_SUITABLE_KEY_SHARE"


def test_a_client_of_today_is_given_a_group_without_a_second_round(authority: Hierarchy) -> None:
    assert shake(server_context(authority.issue()), trusting(authority.root_pem)).succeeded
    assert "X25519" in groups.names().split(":")


def test_the_limit_is_what_keeps_it_out() -> None:
    done = subprocess.run(
        [sys.executable, "-c", BEFORE_AND_AFTER], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["True", "True", "False"]


def test_the_hybrid_group_is_offered_where_openssl_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssl, "OPENSSL_VERSION_INFO", (3, 5, 0, 0, 0))
    assert groups.names().startswith("X25519MLKEM768:")


def test_it_is_not_offered_where_openssl_lacks_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssl, "OPENSSL_VERSION_INFO", (3, 0, 19, 0, 0))
    assert groups.names() == "X25519:P-256:P-384"
