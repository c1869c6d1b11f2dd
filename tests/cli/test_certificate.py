import json

import pytest

from hermetic.cli import main
from tests.support.played_node import Played

Captured = pytest.CaptureFixture[str]
API = {
    "entry": "api",
    "subject": "CN=localhost",
    "issuer": "CN=intermediate",
    "names": ["localhost", "127.0.0.1"],
    "serial": "0a",
    "sha256": "ff",
    "notBefore": "2026-01-01T00:00:00Z",
    "notAfter": "2026-01-02T00:00:00Z",
    "nextRenewal": None,
}


@pytest.fixture
def certified(logged_in: Played) -> Played:
    logged_in.answers["GET /certificates"] = json.dumps([API]).encode()
    logged_in.answers["POST /certificates/api/renew"] = json.dumps(API | {"serial": "0b"}).encode()
    return logged_in


def test_certificates_are_listed(certified: Played, capsys: Captured) -> None:
    assert main.run(["certificate", "list"]) == 0
    told = capsys.readouterr().out
    assert "localhost, 127.0.0.1" in told
    assert "intermediate" in told


def test_why_a_renewal_failed_is_listed_and_shown(certified: Played, capsys: Captured) -> None:
    names = [f"n{number}.test" for number in range(9)]
    failing = API | {"lastError": "The DNS says no.", "names": names}
    certified.answers["GET /certificates"] = json.dumps([failing]).encode()
    for command in (["list"], ["show"]):
        assert main.run(["certificate", *command]) == 0
        assert "The DNS says no." in capsys.readouterr().out
    assert main.run(["certificate", "list"]) == 0
    assert "n3.test, …" in capsys.readouterr().out


def test_one_is_shown(certified: Played, capsys: Captured) -> None:
    assert main.run(["certificate", "show", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["notAfter"] == "2026-01-02T00:00:00Z"


def test_one_that_is_not_there_exits_with_66(certified: Played, capsys: Captured) -> None:
    assert main.run(["certificate", "show", "other"]) == 66
    assert "'other', but api" in capsys.readouterr().err


def test_one_is_renewed_now(certified: Played, capsys: Captured) -> None:
    assert main.run(["certificate", "renew"]) == 0
    shown = capsys.readouterr()
    assert "0b" in shown.out
    assert "is served" in shown.err
