"""A server in trouble, one that limits, one that talks nonsense: how often it is asked."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from hermetic.clock import TurnedClock
from hermetic.errors import (
    CertificateRejected,
    HermeticError,
    RefusedByIssuer,
    TooManyAttempts,
    Unreachable,
)
from hermetic.issuers.acme import transport
from hermetic.issuers.acme.client import AcmeIssuer
from tests.support.acme import client, issued
from tests.support.acme_server import AcmeServer, Fault, problem, saying

pytestmark = [pytest.mark.slow, pytest.mark.judged("outcomes of the ACME fault server")]

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
BROKEN = Fault(500, b"<html>")
CUT = Fault(200, b"x" * 1000, cut=300)


ENDPOINTS = ("directory", "nonce", "newaccount", "neworder", "authz", "challenge", "finalize")


@pytest.mark.parametrize("endpoint", [*ENDPOINTS, "order", "certificate"])
@pytest.mark.parametrize("fault", [BROKEN, CUT], ids=["5xx", "cut-off"])
async def test_trouble_that_passes_is_got_over(
    server: AcmeServer, issuer: AcmeIssuer, endpoint: str, fault: Fault
) -> None:
    server.faults[endpoint] = [fault, fault]
    await issued(issuer)
    assert not server.faults[endpoint]


@pytest.mark.parametrize("endpoint", [*ENDPOINTS, "certificate"])
async def test_trouble_that_stays_ends_after_a_few_tries(
    server: AcmeServer, issuer: AcmeIssuer, tmp_path: Path, endpoint: str
) -> None:
    server.faults[endpoint] = [BROKEN] * 30
    with pytest.raises(Unreachable, match="in trouble"):
        await issued(issuer)
    assert server.count(endpoint) <= 8
    assert not [path for path in (tmp_path / "www").rglob("*") if path.is_file()]
    server.faults.clear()
    await issued(issuer)


async def test_a_server_that_hangs_is_given_up(
    server: AcmeServer, issuer: AcmeIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "_ANSWERS_WITHIN_S", 0.2)
    server.faults["neworder"] = [Fault(hangs=True)] * 30
    with pytest.raises(Unreachable, match="did not answer"):
        await issued(issuer)
    assert server.count("neworder") == 4


LIMITS = {
    "seconds": problem("rateLimited", 429, retry_after="3600"),
    "date": problem("rateLimited", 429, retry_after=format_datetime(NOW + HOUR, usegmt=True)),
    "503": Fault(503, b"", {"retry-after": "3600"}),
    "nothing": problem("rateLimited", 429),
    "by-code": problem("rateLimited", 403, retry_after="3600"),
    "nonsense": problem("rateLimited", 429, retry_after="soon"),
}


@pytest.mark.parametrize("limit", LIMITS.values(), ids=LIMITS.keys())
@pytest.mark.parametrize("endpoint", ["directory", "newaccount", "neworder", "finalize"])
async def test_a_server_that_asks_for_patience_is_not_asked_before(
    server: AcmeServer, clock: TurnedClock, tmp_path: Path, limit: Fault, endpoint: str
) -> None:
    server.faults[endpoint] = [limit]
    with pytest.raises(TooManyAttempts) as caught:
        await issued(client(server, clock, tmp_path))
    left = clock.now + timedelta(seconds=caught.value.retry_after_s) - clock.now
    assert left <= HOUR
    asked = len(server.asked)
    for _ in range(5):
        # Also whoever was started again does not.
        with pytest.raises(TooManyAttempts, match="not to be asked"):
            await issued(client(server, clock, tmp_path))
        clock.advance(HOUR / 6)
    assert len(server.asked) == asked
    clock.advance(HOUR / 5)
    await issued(client(server, clock, tmp_path))


async def test_a_clock_that_is_set_back_makes_nobody_wait_for_ever(
    server: AcmeServer, clock: TurnedClock, tmp_path: Path
) -> None:
    server.faults["neworder"] = [LIMITS["seconds"]]
    with pytest.raises(TooManyAttempts):
        await issued(client(server, clock, tmp_path))
    clock.advance(timedelta(days=-40))
    await issued(client(server, clock, tmp_path))


NONSENSE = {
    "html": Fault(200, b"<html>a login page</html>"),
    "no-json": Fault(200, b"{"),
    "other-json": Fault(200, b"[1,2,3]"),
    "huge": Fault(200, b"x" * (1 << 21)),
}


@pytest.mark.parametrize("fault", NONSENSE.values(), ids=NONSENSE.keys())
@pytest.mark.parametrize("endpoint", ["directory", "neworder", "authz", "certificate"])
async def test_nonsense_is_told_and_bounded(
    server: AcmeServer, issuer: AcmeIssuer, endpoint: str, fault: Fault
) -> None:
    server.faults[endpoint] = [fault] * 9
    with pytest.raises(HermeticError) as caught:
        await issued(issuer)
    assert isinstance(caught.value, Unreachable | CertificateRejected)
    assert len(caught.value.text) < 700


async def test_an_address_that_is_not_sealed_is_not_asked(
    server: AcmeServer, issuer: AcmeIssuer
) -> None:
    told = {"newNonce": "http://localhost/n", "newAccount": "x", "newOrder": "x"}
    server.faults["directory"] = [saying(200, told)] * 9
    with pytest.raises(Unreachable, match="not https"):
        await issued(issuer)


async def test_a_refusal_is_told_in_the_servers_words_once(
    server: AcmeServer, issuer: AcmeIssuer
) -> None:
    server.faults["neworder"] = [problem("rejectedIdentifier", 403)]
    with pytest.raises(RefusedByIssuer, match="rejectedIdentifier was wished for"):
        await issued(issuer)
    assert server.count("neworder") == 1
