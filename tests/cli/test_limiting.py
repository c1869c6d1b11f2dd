"""What the authority of a home certifies is said once, and holds for who asks it from then on."""

import asyncio
import json

import pytest

from hermetic.certificates.keys import generate
from hermetic.certificates.roles import Role
from hermetic.certificates.signing import request
from hermetic.cli import main
from hermetic.clock import system_clock
from hermetic.config.home import Home
from hermetic.errors import BadConfiguration, CertificateRejected
from hermetic.issuers.authority import Authority
from hermetic.wiring.own import authority_limits, own_authority, own_renewal

Captured = pytest.CaptureFixture[str]


def run(*line: str, code: int = 0) -> None:
    assert main.run(["authority", "limit", *line]) == code


def certifies(authority: Authority, name: str) -> bool:
    try:
        asyncio.run(authority.issue(request(generate(), names=[name]), Role.API))
    except CertificateRejected as error:
        return error.code != "name-constraints"
    return True


def test_limits_hold_at_once_and_go_again(home: Home, capsys: Captured) -> None:
    running = own_authority(home, system_clock)  # as a node has it open
    assert certifies(running, "a.example.org")
    capsys.readouterr()
    run("Example.com", "10.0.0.0/8", "--json")
    assert json.loads(capsys.readouterr().out) == {"limits": ["10.0.0.0/8", "example.com"]}
    for authority in (running, own_authority(home, system_clock)):
        names = (
            "a.example.com",
            "10.0.0.1",
            "localhost",
            "127.0.0.1",
            "a.example.org",
            "192.0.2.1",
        )
        found = [certifies(authority, name) for name in names]
        assert found == [True] * 4 + [False] * 2
    ledger = home.signatures.read_text()
    assert "a.example.com" in ledger
    assert "192.0.2.1" not in ledger
    run("--none")
    assert certifies(running, "a.example.org")


def test_limits_that_the_home_itself_would_break_are_refused(home: Home, capsys: Captured) -> None:
    renewal = asyncio.run(own_renewal(home, Role.API, ["web.example.org"], system_clock))
    asyncio.run(renewal.credential())
    run("example.com", code=65)
    assert "web.example.org" in capsys.readouterr().err
    assert authority_limits(home) == ()
    assert certifies(own_authority(home, system_clock), "a.example.org")
    run("example.org")
    run("example.com", code=65)
    assert authority_limits(home) == ("example.org",)


@pytest.mark.parametrize("line", [(), ("example.com", "--none"), ("a b",), ("10.0.0.1/8",)])
def test_limits_that_cannot_be_meant_are_refused(home: Home, line: tuple[str, ...]) -> None:
    run(*line, code=65)
    assert not home.authority_limits.exists()


def test_a_file_that_somebody_spoiled_is_told(home: Home) -> None:
    home.authority_limits.write_text("no/thing")
    with pytest.raises(BadConfiguration, match=r"authority\.limits"):
        own_authority(home, system_clock)
