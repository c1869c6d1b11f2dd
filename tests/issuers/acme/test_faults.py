"""What a server does wrong, and what comes of it: the client's outcomes, one by one."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from hermetic.certificates.chain import Chain
from hermetic.certificates.roles import Role
from hermetic.certstore.accounts import Accounts
from hermetic.clock import TurnedClock
from hermetic.errors import CertificateRejected, HermeticError, TooManyAttempts, Unreachable
from hermetic.issuers.acme import transport
from hermetic.issuers.acme.answered import certificate_id
from hermetic.issuers.acme.client import AcmeIssuer
from hermetic.issuers.acme.conversation import Chance, Server
from hermetic.issuers.acme.http01 import Webroot
from hermetic.issuers.acme.order import Refused
from hermetic.tls.contexts import client_context
from tests.support.acme import requesting
from tests.support.acme_server import AcmeServer, Fault, problem, saying, serving

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
BROKEN = Fault(500, b"<html>")
CUT = Fault(200, b"x" * 1000, cut=300)


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock(NOW)


@pytest.fixture
async def server(clock: TurnedClock) -> AsyncIterator[AcmeServer]:
    async with serving(clock) as made:
        yield made


def pausing(clock: TurnedClock) -> Callable[[float], Awaitable[None]]:
    async def pause(seconds: float) -> None:
        clock.advance(timedelta(seconds=seconds))

    return pause


@pytest.fixture
def issuer(server: AcmeServer, clock: TurnedClock, tmp_path: Path) -> AcmeIssuer:
    return client(server, clock, tmp_path)


def client(
    server: AcmeServer, clock: TurnedClock, folder: Path, *, profile: str = ""
) -> AcmeIssuer:
    """Return a client, as one that was started again is."""
    (folder / "www").mkdir(exist_ok=True)
    context = client_context(server.ca)
    told = Server(server.directory, context, agreed=True, profile=profile)
    chance = Chance(clock, pausing(clock), lambda: 0.5)
    return AcmeIssuer(told, Accounts(folder / "acme"), [Webroot(folder / "www")], chance)


async def issued(issuer: AcmeIssuer, *, replacing: Chain | None = None) -> Chain:
    chain = await issuer.issue(requesting(["a.test"]), Role.API, replacing=replacing)
    assert chain.names == ("a.test",)
    return chain


async def test_without_a_fault_all_goes_well_and_nothing_stays(
    server: AcmeServer, issuer: AcmeIssuer, tmp_path: Path
) -> None:
    await issued(issuer)
    assert (server.count("neworder"), server.count("newaccount")) == (1, 1)
    assert not [path for path in (tmp_path / "www").rglob("*") if path.is_file()]


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
    with pytest.raises(TooManyAttempts) as caught:
        await issued(client(server, clock, tmp_path))
    assert caught.value.retry_after_s <= 8 * 86400


async def test_what_is_already_replaced_is_ordered_anew(
    server: AcmeServer, issuer: AcmeIssuer
) -> None:
    server.window = (NOW, NOW + HOUR)
    first = await issued(issuer)
    server.faults["neworder"] = [problem("alreadyReplaced", 409)]
    with capture_logs() as events:
        await issued(issuer, replacing=first)
    told = server.payloads("neworder")[1:]
    assert [one.get("replaces") for one in told] == [certificate_id(first.leaf), None]
    assert "certificate.replaces_refused" in [one["event"] for one in events]


async def test_nothing_is_replaced_where_nothing_is_suggested(
    server: AcmeServer, issuer: AcmeIssuer
) -> None:
    first = await issued(issuer)
    await issued(issuer, replacing=first)
    assert "replaces" not in server.payloads("neworder")[1]


async def test_a_profile_that_is_gone_is_done_without(
    server: AcmeServer, clock: TurnedClock, tmp_path: Path
) -> None:
    server.faults["neworder"] = [problem("invalidProfile")]
    with capture_logs() as events:
        await issued(client(server, clock, tmp_path, profile="shortlived"))
    told = [one.get("profile") for one in server.payloads("neworder")]
    assert told == ["shortlived", None]
    assert "certificate.profile_refused" in [one["event"] for one in events]


async def test_an_order_that_is_processed_for_long_is_waited_for(
    server: AcmeServer, issuer: AcmeIssuer, clock: TurnedClock
) -> None:
    server.lag = 20
    began = clock.now
    await issued(issuer)
    assert timedelta(minutes=2) < clock.now - began < timedelta(minutes=4)


async def test_a_server_that_lags_behind_itself_is_given_time(
    server: AcmeServer, issuer: AcmeIssuer
) -> None:
    server.faults["finalize"] = [problem("orderNotReady", 403)] * 3
    await issued(issuer)
    assert server.count("finalize") == 4


async def test_an_order_that_comes_to_nothing_is_told(
    server: AcmeServer, issuer: AcmeIssuer, clock: TurnedClock, tmp_path: Path
) -> None:
    told = {
        "status": "invalid",
        "identifiers": [{"type": "dns", "value": "a.test"}],
        "error": {"type": "urn:ietf:params:acme:error:caa", "detail": "CAA says no"},
    }
    server.faults["finalize"] = [saying(200, told)]
    with pytest.raises(CertificateRejected, match=r"CAA says no \(caa\)") as caught:
        await issued(issuer)
    assert caught.value.code == "order-failed"
    await issued(client(server, clock, tmp_path))
    assert server.count("neworder") == 2


async def test_a_certificate_for_another_key_is_refused(
    server: AcmeServer, issuer: AcmeIssuer
) -> None:
    server.faults["certificate"] = [Fault(200, server.authority.issue("a.test").chain_pem)]
    with pytest.raises(CertificateRejected) as caught:
        await issued(issuer)
    assert caught.value.code == "key-mismatch"


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


@pytest.mark.parametrize("token", ["../../etc/passwd", "a/b", "", "x" * 300, "a\nb"])
async def test_a_token_that_leads_elsewhere_writes_nothing(
    server: AcmeServer, issuer: AcmeIssuer, tmp_path: Path, token: str
) -> None:
    challenge = {"type": "http-01", "url": f"{server.directory}/x", "token": token}
    told = {
        "identifier": {"type": "dns", "value": "a.test"},
        "status": "pending",
        "challenges": [challenge],
    }
    server.faults["authz"] = [saying(200, told)]
    with pytest.raises(Unreachable, match="token"):
        await issued(issuer)
    assert not [path for path in (tmp_path / "www").rglob("*") if path.is_file()]


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
    with pytest.raises(Refused, match="rejectedIdentifier was wished for"):
        await issued(issuer)
    assert server.count("neworder") == 1


# Suggestions (RFC 9773)


async def test_a_suggestion_is_read_with_when_to_ask_again(
    server: AcmeServer, issuer: AcmeIssuer
) -> None:
    server.window = (NOW + 40 * HOUR, NOW + 50 * HOUR)
    chain = await issued(issuer)
    found = await issuer.suggested(chain)
    assert found is not None
    assert (found.window.start, found.window.end) == server.window
    assert abs(found.ask_again_at - (NOW + 6 * HOUR)) < timedelta(minutes=5)


async def test_no_suggestion_is_asked_for_what_has_expired_or_where_there_are_none(
    server: AcmeServer, issuer: AcmeIssuer, clock: TurnedClock
) -> None:
    chain = await issued(issuer)
    assert await issuer.suggested(chain) is None
    server.window = (NOW, NOW + HOUR)
    clock.advance(timedelta(days=91))
    assert await issuer.suggested(chain) is None
    assert not server.count("ari")


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"suggestedWindow": {}},
        {"suggestedWindow": {"start": "soon", "end": "later"}},
        {"suggestedWindow": {"start": "2026-11-26T12:00:00Z"}},
        [],
    ],
)
async def test_a_suggestion_that_is_none_is_an_error_of_the_server(
    server: AcmeServer, issuer: AcmeIssuer, told: object
) -> None:
    server.window = (NOW, NOW + HOUR)
    chain = await issued(issuer)
    server.faults["ari"] = [saying(200, told)] * 9
    with pytest.raises(Unreachable):
        await issuer.suggested(chain)
