"""Errors as clients of Azure ML read them."""

import json

import pytest

from hermetic.compat.azureml.replies import control_reply, scoring_reply
from hermetic.errors import (
    BadInput,
    Busy,
    CertificateRejected,
    Conflict,
    DeadlineExceeded,
    HermeticError,
    NotFound,
    Unauthenticated,
    WorkerDied,
)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (BadInput("No."), 400, "BadInput"),
        (CertificateRejected("expired", "No."), 400, "expired"),
        (Conflict("No."), 409, "Conflict"),
        (NotFound("No."), 404, "NotFound"),
    ],
)
def test_a_mistake_has_a_code_and_a_sentence(error: HermeticError, status: int, code: str) -> None:
    reply = control_reply(error, "id-1")
    body = json.loads(reply.body)
    assert reply.status == body["statusCode"] == status
    assert body["error"] == {"code": code, "message": "No.", "details": []}
    assert (body["code"], body["message"]) == (code, "No.")


def test_a_fault_of_ours_tells_a_stranger_nothing() -> None:
    for reply in (control_reply, scoring_reply):
        body = reply(ZeroDivisionError("a secret"), "id-1").body
        assert b"secret" not in body
        assert b"id-1" in body


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Unauthenticated("No."), 401),
        (WorkerDied("No.", 1), 502),
        (DeadlineExceeded("No."), 504),
        (Busy("No.", 7), 503),
        (NotFound("No."), 404),
        (ZeroDivisionError(), 502),
    ],
)
def test_a_call_ends_as_behind_a_gateway(error: Exception, status: int) -> None:
    reply = scoring_reply(error, "id-1")
    assert reply.status == status
    assert set(json.loads(reply.body)) == {"message"}


def test_who_may_try_again_is_told_when() -> None:
    assert (b"retry-after", b"7") in scoring_reply(Busy("No.", 7), "id-1").headers
    assert dict(control_reply(Unauthenticated("No."), "id-1").headers)[b"www-authenticate"]
