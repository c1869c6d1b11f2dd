"""Where a node is reached, and whom to believe there."""

from pathlib import Path

import pytest

from hermetic.client.reaching import address_of, trusting
from hermetic.errors import BadConfiguration, BadInput


def test_an_address_is_sealed_unless_it_was_said_otherwise() -> None:
    assert address_of("https://node:1/", plain_http=False) == "https://node:1"
    assert address_of("http://node:1", plain_http=True) == "http://node:1"
    with pytest.raises(BadInput, match="plain HTTP"):
        address_of("http://node:1", plain_http=False)


@pytest.mark.parametrize("url", ["node", "ftp://node", "https://", "https://a:b@node"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(BadInput):
        address_of(url, plain_http=True)


def test_a_file_without_a_certificate_is_told(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("none")
    for name in ("ca.pem", "missing.pem"):
        with pytest.raises(BadConfiguration, match="CA file"):
            trusting(tmp_path / name)
    assert trusting(None).check_hostname
