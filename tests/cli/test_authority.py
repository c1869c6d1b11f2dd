"""`hermetic authority`: what is asked of the web node, and what is told."""

import json

import pytest

from hermetic.cli import main
from hermetic.errors import Conflict
from hermetic.wire.problems import reply
from tests.support.played_node import Played

Captured = pytest.CaptureFixture[str]
STEADY: dict[str, object] = {
    "state": "steady",
    "root": "aa",
    "rootEnds": "2036-11-27T00:00:00Z",
    "rootKeyHere": True,
    "intermediateEnds": "2029-11-27T00:00:00Z",
    "nextRoot": None,
    "previousRoot": None,
    "waitingFor": [],
}


def run(capsys: Captured, *line: str, code: int = 0) -> tuple[str, str]:
    assert main.run(["authority", *line]) == code
    shown = capsys.readouterr()
    return shown.out, shown.err


def test_it_is_shown(logged_in: Played, capsys: Captured) -> None:
    logged_in.answers["GET /authority"] = json.dumps(STEADY).encode()
    out, _ = run(capsys, "show")
    assert "aa until 2036" in out
    assert json.loads(run(capsys, "show", "--json")[0]) == STEADY


@pytest.mark.parametrize(
    ("waiting", "told"), [(["compute-1"], "compute-1"), ([], "it signs in seconds")]
)
def test_who_is_waited_for_is_told(
    logged_in: Played, capsys: Captured, waiting: list[str], told: str
) -> None:
    prepared = STEADY | {"state": "prepared", "nextRoot": "bb", "waitingFor": waiting}
    logged_in.answers["POST /authority/replace"] = json.dumps(prepared).encode()
    out, _ = run(capsys, "replace")
    assert "bb" in out
    assert told in out


def test_a_former_root_that_is_needed_is_ended_by_force_alone(
    logged_in: Played, capsys: Captured
) -> None:
    refusal = reply(Conflict("It is needed: wait."), "id").body
    logged_in.failures["POST /authority/retire"] = refusal
    _, err = run(capsys, "retire", code=1)
    assert "It is needed" in err
    assert json.loads(logged_in.asked[-1][3]) == {"force": False}
    del logged_in.failures["POST /authority/retire"]
    replaced = STEADY | {"state": "replaced", "previousRoot": "cc"}
    logged_in.answers["POST /authority/retire"] = json.dumps(replaced).encode()
    assert "cc" in run(capsys, "retire", "--force")[0]
    assert json.loads(logged_in.asked[-1][3]) == {"force": True}
