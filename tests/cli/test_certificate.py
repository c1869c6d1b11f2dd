import json
import re
from datetime import datetime

import pytest

from hermetic.certificates.credential import Credential
from hermetic.certificates.roles import Role
from hermetic.certstore.files import FileStore
from hermetic.cli import main
from hermetic.clock import system_clock
from hermetic.config.home import Home, write_record
from hermetic.gateway.certification import Certification, Kept
from tests.support.certificates import hierarchy
from tests.support.local_door import answering
from tests.support.played_node import Played

Captured = pytest.CaptureFixture[str]
API = {
    "entry": "api",
    "role": "api",
    "source": "ACME https://acme.test/directory",
    "subject": "CN=localhost",
    "issuer": "CN=intermediate",
    "names": ["localhost", "127.0.0.1"],
    "serial": "0a",
    "sha256": "ff",
    "notBefore": "2026-01-01T00:00:00Z",
    "notAfter": "2026-01-02T00:00:00Z",
    "nextRenewal": None,
}


class Renewing:
    """Renews the entry of a compute node."""

    next_at: datetime | None = None
    last_error: str | None = None
    doing = ""

    def __init__(self, store: FileStore) -> None:
        self._store = store

    async def renew_now(self) -> Credential:
        made = hierarchy().issue("node.test", role=Role.COMPUTE)
        self._store.write("compute", made)
        return made


@pytest.fixture
def certified(logged_in: Played) -> Played:
    logged_in.answers["GET /certificates"] = json.dumps([API]).encode()
    logged_in.answers["POST /certificates/api/renew"] = json.dumps(API | {"serial": "0b"}).encode()
    return logged_in


def test_certificates_are_listed(certified: Played, capsys: Captured) -> None:
    assert main.run(["certificate", "list"]) == 0
    told = capsys.readouterr().out
    assert "localhost, 127.0.0.1" in told
    assert "ACME https://acme.test/directory" in told
    titles = ["ENTRY", "ROLE", "SOURCE", "NAMES", "DAYS LEFT", "RENEWED AT", "LAST ERROR"]
    assert re.split(r" {2,}", told.splitlines()[0]) == titles


def test_what_was_not_issued_yet_is_listed_and_shown(certified: Played, capsys: Captured) -> None:
    coming = {
        "entry": "api",
        "role": "api",
        "source": "ACME https://acme.test/directory",
        "names": ["models.test"],
        "lastError": "The DNS says no.",
        "doing": "asks https://acme.test/order/1, again in 5 s",
    }
    certified.answers["GET /certificates"] = json.dumps([coming]).encode()
    assert main.run(["certificate", "list"]) == 0
    assert "none yet" in capsys.readouterr().out
    assert main.run(["certificate", "show"]) == 0
    told = capsys.readouterr().out
    assert "not issued yet" in told
    assert "again in 5 s" in told


def test_a_compute_node_is_asked_at_its_socket_without_a_login(
    home: Home, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FileStore(home.certificates)
    store.write("compute", hierarchy().issue("node.test", role=Role.COMPUTE))
    kept = {"compute": Kept("compute", "a test", Renewing(store))}
    write_record(home.running, {"url": "https://localhost:12805", "ca": None, "pid": 1})
    with answering(home.root, Certification(store, kept, system_clock)):
        assert main.run(["certificate", "list"]) == 0
        assert "node.test" in capsys.readouterr().out
        assert main.run(["certificate", "renew", "--json"]) == 0
        made = json.loads(capsys.readouterr().out.splitlines()[-1])  # below the log
        assert made["serial"] == f"{store.read('compute').chain.serial:x}"
        assert main.run(["certificate", "show", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["serial"] == made["serial"]
        # whoever logged in elsewhere means that, also where a compute node runs
        write_record(home.client, {"url": "https://remembered.test"})
        assert main.run(["certificate", "list"]) == 77
        assert "remembered.test" in capsys.readouterr().err
        monkeypatch.setenv("HERMETIC_URL", "https://elsewhere.test")
        assert main.run(["certificate", "list"]) == 77
        assert "elsewhere.test" in capsys.readouterr().err


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
