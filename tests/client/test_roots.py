"""A root is believed for its digest alone: who stands in between cannot give another."""

from pathlib import Path

import pytest

from hermetic.certificates.chain import Chain
from hermetic.client.roots import pinned_root
from hermetic.errors import BadInput, TrustFailure, Unreachable
from tests.support.certificates import hierarchy
from tests.support.played_node import playing

AUTHORITY = hierarchy()
SHA256 = Chain((AUTHORITY.root_certificate,)).sha256


def test_the_root_with_that_digest_is_found_among_others(tmp_path: Path) -> None:
    with playing(AUTHORITY.issue(), tmp_path) as node:
        node.answers["GET /acme/roots"] = hierarchy().root_pem + AUTHORITY.root_pem
        assert pinned_root(node.url, SHA256) == AUTHORITY.root_certificate
        assert pinned_root(node.url, SHA256.upper()) == AUTHORITY.root_certificate


def test_who_stands_in_between_is_found_out(tmp_path: Path) -> None:
    thief = hierarchy()
    with playing(thief.issue(), tmp_path) as node:
        node.answers["GET /acme/roots"] = thief.root_pem
        with pytest.raises(TrustFailure, match="stands in between"):
            pinned_root(node.url, SHA256)


@pytest.mark.parametrize("body", [b"", b"{}", b"x" * 100_000, b"-----BEGIN CERTIFICATE-----\nx\n"])
def test_what_is_no_web_node_is_told(tmp_path: Path, body: bytes) -> None:
    with playing(AUTHORITY.issue(), tmp_path) as node:
        node.answers["GET /acme/roots"] = body
        with pytest.raises((Unreachable, TrustFailure)):
            pinned_root(node.url, SHA256)
        node.status = 404
        with pytest.raises(Unreachable):
            pinned_root(node.url, SHA256)


def test_an_address_without_tls_is_not_asked() -> None:
    with pytest.raises(BadInput, match="https"):
        pinned_root("http://127.0.0.1:1", SHA256)
    with pytest.raises(Unreachable):
        pinned_root("https://127.0.0.1:1", SHA256)
