"""Whether a name leads here, told in three words."""

import json
from collections.abc import Iterator

import pytest

from hermetic.cli import main
from tests.support.bind import Bind, needs_bind, running

pytestmark = [pytest.mark.slow, needs_bind]

Captured = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def bind() -> Iterator[Bind]:
    with running(
        "here 45 IN A 127.0.0.1",
        "api IN A 203.0.113.7",
        "both IN A 203.0.113.7",
        "both IN A 203.0.113.8",
    ) as server:
        yield server


def checked(bind: Bind, *words: str) -> int:
    server = ["--server", "127.0.0.1", "--server-port", str(bind.port)]
    return main.run(["dns", "check", *words, *server])


def test_a_name_of_this_machine_is_ok(bind: Bind, capsys: Captured) -> None:
    assert checked(bind, "here.site.test", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["verdict"], told["ttlSeconds"]) == ("ok", 45)


def test_a_name_of_the_front_end_that_is_said_is_ok(bind: Bind, capsys: Captured) -> None:
    assert checked(bind, "api.site.test", "--address", "203.0.113.7") == 0
    assert "TTL        300 s" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "stranger"),
    [
        (["api.site.test"], "203.0.113.7"),
        (["api.site.test", "--address", "203.0.113.9"], "203.0.113.7"),
        (["both.site.test", "--address", "203.0.113.7"], "203.0.113.8"),
    ],
)
def test_a_name_that_leads_elsewhere_is_told_with_where(
    bind: Bind, capsys: Captured, words: list[str], stranger: str
) -> None:
    assert checked(bind, *words) == 1
    shown = capsys.readouterr()
    assert "points elsewhere" in shown.out
    assert f"{stranger} is not" in shown.err


def test_a_name_that_is_not_there_does_not_resolve(bind: Bind, capsys: Captured) -> None:
    assert checked(bind, "none.site.test", "--json") == 1
    assert json.loads(capsys.readouterr().out)["verdict"] == "does not resolve"


def test_what_is_no_address_is_said(bind: Bind, capsys: Captured) -> None:
    assert checked(bind, "here.site.test", "--address", "here") == 65
    assert "203.0.113.7" in capsys.readouterr().err
