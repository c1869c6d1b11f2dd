"""What any server presents, told to a person."""

import asyncio
import json
from pathlib import Path

import pytest

from hermetic.cli import main
from tests.support.certificates import DAY, hierarchy
from tests.support.hops import presenting, serving

Captured = pytest.CaptureFixture[str]
OURS = hierarchy()


@pytest.fixture
def ca(tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    path.write_bytes(OURS.root_pem)
    return str(path)


async def checked(place: str, *more: str) -> int:
    return await asyncio.to_thread(main.run, ["certificate", "check", place, *more])


async def test_a_good_server_is_described_and_judged(ca: str, capsys: Captured) -> None:
    async with serving(presenting(OURS.issue(life=90 * DAY))) as port:
        assert await checked(f"localhost:{port}", "--ca", ca) == 0
    shown = capsys.readouterr().out
    assert "names       localhost, 127.0.0.1, ::1" in shown
    assert "pass  hop.sealed  localhost:" in shown
    assert "      TLSv1.3" in shown


async def test_what_is_wrong_is_told_with_what_is_presented_all_the_same(
    ca: str, capsys: Captured
) -> None:
    expired = OURS.issue(now=OURS.now - 9 * DAY)
    async with serving(presenting(expired)) as port:
        assert await checked(f"https://localhost:{port}/", "--ca", ca, "--json") == 1
    told = json.loads(capsys.readouterr().out)
    assert [one["code"] for one in told["findings"]] == ["certificate.expired"]
    assert told["presented"]["names"][0] == "localhost"


async def test_without_an_authority_of_ours_the_system_is_asked(capsys: Captured) -> None:
    async with serving(presenting(OURS.issue())) as port:
        assert await checked(f"localhost:{port}", "--json") == 1
    told = json.loads(capsys.readouterr().out)
    assert [one["code"] for one in told["findings"]] == ["hop.untrusted"]


@pytest.mark.parametrize("place", ["", "a b:c", "localhost:0", "localhost:99999", "[::1", "h:1:2"])
def test_what_is_no_place_is_said(place: str, capsys: Captured) -> None:
    assert main.run(["certificate", "check", place]) == 65
    assert "HOST:PORT" in capsys.readouterr().err
