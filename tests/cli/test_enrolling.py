"""`hermetic node token`, `enrolled`, `expel`: what is asked, and what is told."""

import json

import pytest

from hermetic.cli import main
from tests.support.played_node import Played

Captured = pytest.CaptureFixture[str]
GIVEN = {
    "token": "abc.mac.root",
    "id": "abc",
    "macKey": "mac",
    "root": "root",
    "redeemUntil": "2026-11-27T01:00:00Z",
}
LISTED = {
    "id": "abc",
    "state": "joined",
    "roles": ["compute"],
    "names": ["compute-1", "10.0.0.1"],
    "createdBy": "admin",
    "createdAt": "2026-11-27T00:00:00Z",
    "redeemUntil": "2026-11-27T01:00:00Z",
    "joinedAt": "2026-11-27T00:10:00Z",
    "seenAt": None,
    "holds": [],
}


def run(capsys: Captured, *line: str) -> str:
    assert main.run(["node", *line]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("role", "roles", "told"),
    [
        ("compute", ["compute"], "hermetic node join https://"),
        ("web", ["api", "authentication"], "hermetic node join https://"),
        ("api", ["api"], "--eab-kid abc --eab-hmac-key mac"),
    ],
)
def test_a_token_is_shown_with_what_to_do_with_it(
    logged_in: Played, capsys: Captured, role: str, roles: list[str], told: str
) -> None:
    logged_in.answers["POST /enrolments"] = json.dumps(GIVEN).encode()
    out = run(capsys, "token", "--name", "a.test", "--name", "b.test", "--role", role)
    assert "abc.mac.root" in out
    assert told in out
    body = json.loads(logged_in.asked[-1][3])
    assert body == {"names": ["a.test", "b.test"], "roles": roles, "minutes": 60}


def test_who_has_joined_is_listed(logged_in: Played, capsys: Captured) -> None:
    logged_in.answers["GET /enrolments"] = json.dumps([LISTED]).encode()
    out = run(capsys, "enrolled")
    assert "compute-1, 10.0.0.1" in out
    assert json.loads(run(capsys, "enrolled", "--json")) == [LISTED]
    logged_in.answers["GET /enrolments"] = b"[]"
    assert main.run(["node", "enrolled"]) == 0
    assert "Nobody has joined." in "".join(capsys.readouterr())


def test_somebody_is_sent_away(logged_in: Played, capsys: Captured) -> None:
    logged_in.answers["DELETE /enrolments/abc"] = b'{"revoked": 2}'
    assert "2 of its certificates were revoked" in run(capsys, "expel", "abc")
    assert json.loads(run(capsys, "expel", "abc", "--json")) == {"id": "abc", "revoked": 2}


def test_a_token_without_a_name_is_refused(logged_in: Played, capsys: Captured) -> None:
    assert main.run(["node", "token"]) == 2
    assert "--name" in capsys.readouterr().err
    assert not logged_in.asked
