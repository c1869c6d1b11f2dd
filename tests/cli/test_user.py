"""`hermetic user password`: how it is asked for, and what is sent."""

import io
import json

import pytest

from hermetic.cli import main
from tests.support.played_node import Played

OLD, NEW = "0ld-Word!", "N3w-Word!"


def test_both_are_read_from_standard_input_and_sent_once(
    logged_in: Played, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    logged_in.answers["PUT /account/password"] = b"{}"
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{OLD}\n{NEW}\n"))
    assert main.run(["user", "password", "--password-stdin", "--json"]) == 0
    (body,) = [body for was, to, _, body in logged_in.asked if to == "/account/password"]
    assert json.loads(body) == {"currentPassword": OLD, "password": NEW}
    shown = capsys.readouterr()
    assert OLD not in shown.out + shown.err
    assert NEW not in shown.out + shown.err


def test_without_a_terminal_it_says_how_else(
    logged_in: Played, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert main.run(["user", "password"]) == 2
    assert "--password-stdin" in capsys.readouterr().err
    assert logged_in.asked == []
