import io
import json
import stat

import pytest

from hermetic.cli import main
from hermetic.config.home import Home, read_record
from hermetic.errors import Unauthenticated
from hermetic.wire.problems import reply
from tests.support.played_node import Played

PAIR = {
    "token_type": "Bearer",
    "access_token": "t0k",
    "expires_in": 3600,
    "expires_on": 1,
    "refresh_token": "r",
}


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch, node: Played) -> None:
    monkeypatch.setenv("HERMETIC_PASSWORD", "S3cret-word")
    node.answers["POST /login"] = json.dumps(PAIR).encode()


def sent(node: Played) -> object:
    return json.loads(node.asked[-1][3])


def test_the_token_is_kept_for_its_owner_only_and_the_password_not_at_all(
    node: Played, home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.run(["login"]) == 0
    kept = {"url": node.url, "ca": str(home.ca), "username": "admin", "token": "t0k"}
    assert read_record(home.client) == kept
    assert stat.S_IMODE(home.client.stat().st_mode) == 0o600
    assert sent(node) == {"username": "admin", "password": "S3cret-word"}
    shown = capsys.readouterr()
    assert "60 minutes" in shown.out
    assert "t0k" not in shown.out + shown.err


def test_the_password_may_come_from_standard_input(
    node: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("from stdin\nrest"))
    assert main.run(["login", "--username", "ann", "--password-stdin"]) == 0
    assert sent(node) == {"username": "ann", "password": "from stdin"}


def test_without_a_terminal_there_must_be_a_password(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("HERMETIC_PASSWORD")
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert main.run(["login"]) == 2
    assert "--password-stdin" in capsys.readouterr().err


def test_a_wrong_password_changes_nothing(
    node: Played, home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = Unauthenticated("The name or the password is wrong.")
    node.failures["POST /login"] = reply(wrong, "1").body
    assert main.run(["login"]) == 77
    assert not home.client.exists()
    assert "S3cret-word" not in capsys.readouterr().err


def test_the_answer_as_json_holds_no_token(
    node: Played, home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.run(["login", node.url, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown == {"url": node.url, "ca": str(home.ca), "username": "admin"}
