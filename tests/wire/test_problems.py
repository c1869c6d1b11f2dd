"""Errors as the other side sees them, and back."""

import msgspec
import pytest

from hermetic.errors import (
    BadInput,
    Busy,
    CertificateRejected,
    Conflict,
    HermeticError,
    InputMismatch,
    Mismatch,
    NotFound,
    ServiceNotFound,
    ServiceUnloadable,
    TooManyAttempts,
    Unauthenticated,
    Unavailable,
    WorkerDied,
)
from hermetic.wire.problems import from_problem, kinds, page, problem, reply, title

SPECIAL: list[HermeticError] = [
    InputMismatch("Two do not fit.", [Mismatch("/x", "Is text."), Mismatch("/y", "Is missing.")]),
    CertificateRejected("expired", "It has ended."),
    ServiceUnloadable("It raised.", "Traceback"),
    ServiceNotFound("wine", "1.0"),
    TooManyAttempts("Wait.", 60),
    WorkerDied("It was killed.", -9, "MemoryError"),
    Busy("All are busy.", 4),
]


@pytest.mark.parametrize("error", SPECIAL, ids=lambda one: type(one).__name__)
def test_what_a_machine_needs_survives_the_wire(error: HermeticError) -> None:
    answer = reply(error, "id-1")
    back = from_problem(answer.status, answer.body)
    assert type(back) is type(error)
    assert vars(back) == vars(error)


@pytest.mark.parametrize("name", sorted(set(kinds()) - {"internal-error"}))
def test_every_class_of_the_tree_survives_the_wire(name: str) -> None:
    kind = kinds()[name]
    body = msgspec.json.encode({"type": f"/problems/{name}", "detail": "A sentence."})
    back = from_problem(kind.status, body)
    assert type(back) is kind
    assert reply(back, "id").status == kind.status
    assert isinstance(back.members, dict)


def test_a_problem_speaks_to_every_client() -> None:
    told = problem(SPECIAL[0], "id-1")
    assert told["type"] == told["link"] == "/problems/input-mismatch"
    assert told["detail"] == told["message"] == told["error"] == "Two do not fit."
    assert (told["title"], told["instance"]) == ("Input mismatch", "urn:hermetic:request:id-1")
    assert told["status"] == told["code"] == 400
    assert (told["fields"], told["exceptionType"]) == ("/x, /y", "InputMismatch")


@pytest.mark.parametrize(
    "error", [HermeticError("ours"), ZeroDivisionError("ours"), KeyError("ours")]
)
def test_of_a_fault_of_ours_only_the_id_is_sent(error: Exception) -> None:
    answer = reply(error, "id-1")
    assert (answer.status, b"ours" in answer.body, b"id-1" in answer.body) == (500, False, True)
    assert b"ZeroDivision" not in answer.body


def test_who_is_not_known_is_told_how_to_prove_it() -> None:
    assert (b"www-authenticate", b'Bearer realm="hermetic"') in reply(
        Unauthenticated("No."), "id"
    ).headers


@pytest.mark.parametrize("error", [Unavailable("No.", 9), TooManyAttempts("No.", 9)])
def test_who_should_come_again_is_told_when(error: HermeticError) -> None:
    assert (b"retry-after", b"9") in reply(error, "id").headers


def test_who_should_not_come_again_is_not_told_when() -> None:
    assert b"retry-after" not in dict(reply(NotFound("No."), "id").headers)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, BadInput), (404, NotFound), (409, Conflict), (418, BadInput), (500, HermeticError)],
)
@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"\xff", b"{}", b'{"type": 7}'])
def test_an_answer_of_somebody_else_becomes_the_error_of_its_status(
    status: int, kind: type[HermeticError], body: bytes
) -> None:
    back = from_problem(status, body)
    assert isinstance(back, kind)
    assert back.text == f"The answer was HTTP {status}."


@pytest.mark.parametrize(
    "members",
    [
        {"type": "/problems/input-mismatch", "errors": [7, {"pointer": 1}]},
        {"type": "/problems/worker-died", "exitStatus": "x"},
        {"type": "/problems/busy", "retryAfter": "soon"},
        {"type": "/problems/of-tomorrow", "detail": None},
    ],
)
def test_members_of_another_shape_do_no_harm(members: dict[str, object]) -> None:
    assert isinstance(from_problem(400, msgspec.json.encode(members)), HermeticError)


def test_types_are_told_apart_and_each_has_a_page() -> None:
    assert len(kinds()) == len({title(kind) for kind in kinds().values()})
    for kind in kinds().values():
        assert str(kind.status) in page(kind)
        assert title(kind) in page(kind)
