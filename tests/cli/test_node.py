"""`hermetic node`: what is asked of a web node about compute nodes, and what is told of it."""

import json
from collections.abc import Sequence
from types import SimpleNamespace

import pytest

from hermetic.cli import main
from hermetic.cli import node as command
from hermetic.errors import HermeticError, NotFound, NotPermitted
from hermetic.wire.problems import reply
from tests.support.played_node import Played

Captured = pytest.CaptureFixture[str]
ONE, TWO = "https://compute-1:12805", "https://compute-2:12805"
OLD, NEW = "2026-11-26T00:00:00Z", "2026-11-26T00:01:00Z"


def listed(uri: str, state: str = "ready", **more: object) -> dict[str, object]:
    """Return a node as a web node tells of it."""
    return {
        "uri": uri,
        "state": state,
        "trouble": "",
        "version": "0.1.0",
        "startedAt": OLD,
        "workers": 2,
        "busy": 1,
        "most": 8,
        "queued": 3,
        "clockAheadS": 0.0,
        "drainingSince": None,
    } | more


def seen(*nodes: dict[str, object]) -> bytes:
    return json.dumps(nodes).encode()


def refused(error: HermeticError) -> bytes:
    return reply(error, "id").body


def sent(node: Played, method: str, path: str) -> list[object]:
    """Return the bodies of what was asked like that."""
    return [json.loads(body) for was, to, _, body in node.asked if (was, to) == (method, path)]


def run(capsys: Captured, *line: str) -> tuple[int, str, str]:
    code = main.run(["node", *line])
    shown = capsys.readouterr()
    return code, shown.out, shown.err


@pytest.fixture
def web(logged_in: Played) -> Played:
    logged_in.answers["GET /nodes"] = seen(listed(ONE), listed(TWO))
    logged_in.answers["GET /computenodes"] = json.dumps({"computeNodes": [ONE, TWO]}).encode()
    return logged_in


def test_nodes_are_listed(web: Played, capsys: Captured) -> None:
    code, out, _ = run(capsys, "list")
    titles, first, _ = out.splitlines()
    assert (code, titles.split()) == (0, ["NODE", "STATE", "BUSY", "QUEUED", "VERSION", "TROUBLE"])
    assert first.split() == [ONE, "ready", "1", "of", "8", "3", "0.1.0"]


def test_nodes_are_listed_as_json(web: Played, capsys: Captured) -> None:
    code, out, _ = run(capsys, "list", "--json")
    assert (code, json.loads(out)) == (0, [listed(ONE), listed(TWO)])


def test_where_there_are_none_it_is_said_how_to_add_one(web: Played, capsys: Captured) -> None:
    web.answers["GET /nodes"] = b"[]"
    assert run(capsys, "list")[2].strip().endswith("`hermetic node add` adds one.")
    assert run(capsys, "list", "--json")[1] == "[]\n"


def test_what_a_node_tells_of_itself_drives_no_terminal(web: Played, capsys: Captured) -> None:
    trouble = "\x1b[2Jgone\nforged  line"
    web.answers["GET /nodes"] = seen(listed(ONE, "unreachable", trouble=trouble))
    _, out, _ = run(capsys, "list")
    assert "\x1b" not in out
    assert len(out.splitlines()) == 2
    assert "\x1b" not in run(capsys, "list", "--json")[1]


def test_entries_are_added_and_removed_as_they_are_written(web: Played, capsys: Captured) -> None:
    for verb, method in (("add", "PUT"), ("remove", "DELETE")):
        code, out, _ = run(capsys, verb, "https://10.0.1.1-9:12805", ONE)
        assert (code, out.splitlines()) == (0, ["ENTRY", ONE, TWO])
        (body,) = sent(web, method, "/computenodes")
        assert body == {"entries": ["https://10.0.1.1-9:12805", ONE]}
        assert json.loads(run(capsys, verb, ONE, "--json")[1]) == [ONE, TWO]


def test_when_the_last_one_is_removed_that_is_said(web: Played, capsys: Captured) -> None:
    web.answers["GET /computenodes"] = b'{"computeNodes": []}'
    assert "There are none left." in run(capsys, "remove", ONE)[2]


@pytest.mark.parametrize(
    ("error", "code"), [(NotFound("It is no entry."), 66), (NotPermitted("Only an Owner."), 77)]
)
def test_what_is_refused_is_told_and_exits_with_its_code(
    web: Played, capsys: Captured, error: HermeticError, code: int
) -> None:
    web.failures["DELETE /computenodes"] = refused(error)
    web.failures["POST /nodes/drain"] = refused(error)
    for line in (["remove", ONE], ["drain", ONE]):
        assert run(capsys, *line) == (code, "", f"hermetic: {error.text}\n")


def test_nothing_to_add_is_a_mistake_of_usage(web: Played, capsys: Captured) -> None:
    assert run(capsys, "add")[0] == 2
    assert web.asked == []


def test_who_is_not_logged_in_is_told_how(node: Played, capsys: Captured) -> None:
    code, _, err = run(capsys, "list")
    assert (code, "hermetic login" in err) == (77, True)


def test_a_node_is_drained_and_taken_back(web: Played, capsys: Captured) -> None:
    assert run(capsys, "drain", ONE)[1] == f"{ONE} gets no more calls.\n"
    assert run(capsys, "drain", ONE, "--undo")[1] == f"{ONE} gets calls again.\n"
    assert sent(web, "POST", "/nodes/drain") == sent(web, "POST", "/nodes/undrain")
    assert json.loads(run(capsys, "drain", ONE, "--json")[1]) == {"uri": ONE, "draining": True}


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the command look again without a pause."""
    monkeypatch.setattr(command, "_LOOK_EVERY_S", 0.0)


def coming(web: Played, states: Sequence[dict[str, object]]) -> None:
    """Let the node ONE be seen like this, one after the other, and then go on so; TWO stays."""
    web.coming["GET /nodes"] = [seen(one, listed(TWO)) for one in states]
    web.answers["GET /nodes"] = seen(states[-1], listed(TWO))


def told_to_restart(web: Played) -> list[object]:
    return [body["uri"] for body in sent(web, "POST", "/nodes/restart") if isinstance(body, dict)]


@pytest.mark.usefixtures("at_once")
def test_a_node_is_restarted_once_it_runs_anew_and_is_ready(web: Played, capsys: Captured) -> None:
    begun = [
        listed(ONE),
        listed(ONE),
        listed(ONE, "draining"),
        listed(ONE, "unreachable", startedAt=""),
        listed(ONE, "failing", startedAt=NEW),
        listed(ONE, startedAt=NEW),
    ]
    coming(web, begun)
    code, out, _ = run(capsys, "restart", f"{ONE}/")
    assert (code, out) == (0, f"{ONE} is ready again.\n")
    assert (told_to_restart(web), web.coming["GET /nodes"]) == ([ONE], [])


@pytest.mark.usefixtures("at_once")
def test_a_node_that_is_drained_need_not_be_ready(web: Played, capsys: Captured) -> None:
    drained = listed(ONE, "draining", drainingSince=OLD)
    coming(web, [drained, drained, drained | {"startedAt": NEW}])
    assert run(capsys, "restart", ONE)[0] == 0
    assert web.coming["GET /nodes"] == []


@pytest.mark.usefixtures("at_once")
def test_all_are_restarted_one_after_the_other(web: Played, capsys: Captured) -> None:
    old, new = listed(ONE), listed(ONE, startedAt=NEW)
    others = listed(TWO), listed(TWO, startedAt=NEW)
    web.coming["GET /nodes"] = [
        seen(one, two) for one, two in ((old, others[0]), (new, others[0]), (new, others[1]))
    ]
    web.answers["GET /nodes"] = seen(new, others[1])
    code, out, _ = run(capsys, "restart", "--all", "--json")
    assert (code, told_to_restart(web)) == (0, [ONE, TWO])
    assert [one["startedAt"] for one in json.loads(out)] == [NEW, NEW]


def test_one_that_does_not_come_back_leaves_the_others_as_they_are(
    web: Played, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = iter([0.0, 1.0, 1.5])
    clock = SimpleNamespace(monotonic=lambda: next(moments), sleep=lambda _: None)
    monkeypatch.setattr(command, "time", clock)
    coming(web, [listed(ONE), listed(ONE, "unreachable", trouble="Nobody listens.")])
    code, out, err = run(capsys, "restart", "--all", "--timeout", "1")
    assert (code, out, told_to_restart(web)) == (69, "", [ONE])
    assert "not ready again after 1 s, but unreachable (Nobody listens.)" in err
    assert "Nodes that follow were left as they are." in err


@pytest.mark.parametrize("line", [[], ["--all", ONE]])
def test_which_to_restart_has_to_be_said_once(
    web: Played, capsys: Captured, line: list[str]
) -> None:
    code, _, err = run(capsys, "restart", *line)
    assert (code, "Name the nodes to restart, or say --all" in err) == (65, True)
    assert web.asked == []


def test_a_node_that_is_none_is_not_restarted_and_no_other_either(
    web: Played, capsys: Captured
) -> None:
    code, _, err = run(capsys, "restart", ONE, "https://compute-9:12805")
    assert (code, f"there are {ONE}, {TWO}" in err) == (65, True)
    assert told_to_restart(web) == []
