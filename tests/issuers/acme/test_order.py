"""An order decided step by step, without a server."""

import json
from collections.abc import Mapping

import pytest

from hermetic.errors import CertificateRejected, RefusedByIssuer, Unreachable
from hermetic.issuers.acme.messages import Trouble
from hermetic.issuers.acme.order import (
    Note,
    Post,
    Prove,
    Reply,
    Steps,
    Wait,
    Wish,
    identifiers,
    ordered,
    refused,
)

WISH = Wish(b"csr", ("a.test",), ("http-01",), "thumb", "https://acme.test/new")
NAMES = [{"type": "dns", "value": "a.test"}]
ORDER: dict[str, object] = {
    "status": "pending",
    "identifiers": NAMES,
    "authorizations": ["https://acme.test/authz"],
    "finalize": "https://acme.test/finalize",
}
CHALLENGE = {"type": "http-01", "url": "https://acme.test/challenge", "token": "tok"}
AUTHZ: dict[str, object] = {"status": "pending", "identifier": NAMES[0], "challenges": [CHALLENGE]}


def reply(told: Mapping[str, object], location: str = "", retry_after_s: float = 0.0) -> Reply:
    return Reply(200, json.dumps(told).encode(), location, retry_after_s=retry_after_s)


def begun(wish: Wish = WISH) -> Steps:
    """Return the steps of an order that the server has just made."""
    steps = ordered(wish)
    assert isinstance(next(steps), Post)
    assert steps.send(reply(ORDER, "https://acme.test/order/1")) == Note(
        "https://acme.test/order/1"
    )
    return steps


def test_the_way_of_an_order() -> None:
    steps = begun()
    assert next(steps) == Post("https://acme.test/authz", None)
    proving = steps.send(reply(AUTHZ))
    assert isinstance(proving, Prove)
    (proof,) = proving.proofs
    assert (proof.kind, proof.name, proof.answer) == ("http-01", "a.test", "tok.thumb")
    assert next(steps) == Post("https://acme.test/challenge", {})
    assert steps.send(reply(CHALLENGE)) == Post("https://acme.test/authz", None)
    assert steps.send(reply(AUTHZ, retry_after_s=3.0)) == Wait(3.0)
    assert next(steps) == Post("https://acme.test/authz", None)
    valid = AUTHZ | {"status": "valid"}
    assert steps.send(reply(valid)) == Post("https://acme.test/order/1", None)
    ready = steps.send(reply(ORDER | {"status": "ready"}))
    assert ready == Post("https://acme.test/finalize", {"csr": "Y3Ny"})
    ended = {"status": "valid", "certificate": "https://acme.test/cert"}
    assert steps.send(reply(ORDER | ended)) == Post("https://acme.test/cert", None)
    with pytest.raises(StopIteration) as end:
        steps.send(Reply(200, b"the chain"))
    assert end.value.value == b"the chain"


def test_what_is_proved_already_is_not_proved_again() -> None:
    steps = begun()
    next(steps)
    assert steps.send(reply(AUTHZ | {"status": "valid"})) == Post("https://acme.test/order/1", None)


@pytest.mark.parametrize("asked", [0.0, 1e9])
def test_no_wait_is_longer_than_a_minute(asked: float) -> None:
    steps = begun()
    next(steps)
    steps.send(reply(AUTHZ))
    next(steps)
    steps.send(reply(CHALLENGE))
    waits = []
    for _ in range(30):
        wait = steps.send(reply(AUTHZ, retry_after_s=asked))
        assert isinstance(wait, Wait)
        waits.append(wait.seconds)
        next(steps)
    assert max(waits) == (60.0 if asked else 10.0)


def test_an_order_of_other_names_is_not_gone_on_with() -> None:
    wish = Wish(b"", ("b.test",), ("http-01",), "t", "https://acme.test/new", under_way="https://x")
    steps = ordered(wish)
    assert next(steps) == Post("https://x", None)
    again = steps.send(reply(ORDER))
    assert again == Post("https://acme.test/new", {"identifiers": identifiers(["b.test"])})


@pytest.mark.parametrize("error", [refused(404, Trouble("x:malformed")), Unreachable("Gone.")])
def test_an_order_that_is_gone_is_made_anew(error: Exception) -> None:
    wish = Wish(b"", ("a.test",), ("http-01",), "t", "https://acme.test/new", under_way="https://x")
    steps = ordered(wish)
    next(steps)
    assert steps.throw(error) == Post("https://acme.test/new", {"identifiers": NAMES})


def test_a_refusal_that_nothing_gets_round_is_raised() -> None:
    steps = ordered(WISH)
    next(steps)
    with pytest.raises(RefusedByIssuer, match="no reason was given"):
        steps.throw(refused(403, Trouble("x:caa")))


def test_identifiers_are_names_and_addresses_in_one_form() -> None:
    assert identifiers(["A.Test", "*.b.test", "::1", "a.test"]) == [
        {"type": "dns", "value": "a.test"},
        {"type": "dns", "value": "*.b.test"},
        {"type": "ip", "value": "::1"},
    ]
    with pytest.raises(CertificateRejected):
        identifiers(["no name"])
