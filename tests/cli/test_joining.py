"""`hermetic node join`: what is refused before anybody is asked."""

import io

import pytest

from hermetic.cli import main
from hermetic.config.home import Home

Captured = pytest.CaptureFixture[str]
TOKEN = f"abcdefgh.{'m' * 43}.{'0' * 64}"


@pytest.mark.parametrize("token", ["", "nonsense", TOKEN[:-1], TOKEN + "0", f"{TOKEN}.x", "a.b.c"])
def test_a_token_that_is_none_is_told_without_being_repeated(
    home: Home, capsys: Captured, token: str
) -> None:
    assert main.run(["node", "join", "https://127.0.0.1:1", "--token", token]) == 65
    err = capsys.readouterr().err
    assert "hermetic node token" in err
    assert "mmmm" not in err
    assert not home.settings.exists()


@pytest.mark.parametrize(
    ("url", "code"), [("http://127.0.0.1:1", 65), ("nonsense", 65), ("https://127.0.0.1:1", 69)]
)
def test_an_address_that_is_none_or_silent_changes_nothing(
    home: Home, capsys: Captured, url: str, code: int
) -> None:
    assert main.run(["node", "join", url, "--token", TOKEN]) == code
    assert "127.0.0.1" in capsys.readouterr().err or url == "nonsense"
    assert not home.settings.exists()
    assert not home.joined.exists()


def test_settings_that_cannot_be_written_are_told_before_the_token_is_used(
    home: Home, capsys: Captured
) -> None:
    home.settings.write_text("{ not json")
    assert main.run(["node", "join", "https://127.0.0.1:1", "--token", TOKEN]) == 78
    assert "appsettings.json" in capsys.readouterr().err


def test_a_token_is_read_from_standard_input(
    home: Home, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(TOKEN + "\n"))
    assert main.run(["node", "join", "https://127.0.0.1:1"]) == 69
    assert "127.0.0.1" in capsys.readouterr().err
    assert home.root.exists()
