"""The keys that settings name, for who proves names."""

from dataclasses import replace
from pathlib import Path

import pytest

from hermetic.clock import system_clock
from hermetic.config.acme import Acme
from hermetic.config.home import Home
from hermetic.errors import BadConfiguration
from hermetic.wiring.acme import acme_issuer

ACME = Acme(directory="https://acme.test/directory")
KEY = 'key "hermetic." {\n\talgorithm hmac-sha512;\n\tsecret "c2VjcmV0LW9mLXRlc3Rz";\n};\n'
REVERSED = 'key hermetic { secret "c2VjcmV0LW9mLXRlc3Rz"; algorithm "HMAC-SHA256"; };'


def private(path: Path, text: str) -> str:
    path.touch(mode=0o600)
    path.write_text(text)
    return str(path)


def by_dns(path: str, server: str = "10.0.0.53") -> Acme:
    return replace(ACME, challenge="dns-01", dns_server=server, dns_key_file=path)


@pytest.mark.parametrize("server", ["10.0.0.53", "10.0.0.53:5353", "[::1]", "[::1]:5353"])
@pytest.mark.parametrize("text", [KEY, REVERSED])
def test_a_key_as_tsig_keygen_writes_it_is_taken(
    home: Home, tmp_path: Path, text: str, server: str
) -> None:
    assert acme_issuer(home, by_dns(private(tmp_path / "key", text), server), system_clock)


@pytest.mark.parametrize("text", ["", "c2VjcmV0", 'key "x" { secret "c2Vj"; };', "key x {};"])
def test_what_holds_no_key_is_told_and_not_shown(home: Home, tmp_path: Path, text: str) -> None:
    with pytest.raises(BadConfiguration, match="tsig-keygen") as caught:
        acme_issuer(home, by_dns(private(tmp_path / "key", text)), system_clock)
    assert "c2Vj" not in caught.value.text


def test_a_key_that_others_can_read_is_refused(home: Home, tmp_path: Path) -> None:
    path = Path(private(tmp_path / "key", KEY))
    path.chmod(0o644)
    with pytest.raises(BadConfiguration, match="chmod 600"):
        acme_issuer(home, by_dns(str(path)), system_clock)
    bound = replace(ACME, eab_kid="x", eab_key_file=str(path))
    with pytest.raises(BadConfiguration, match="chmod 600"):
        acme_issuer(home, bound, system_clock)
