"""What a server does wrong in the course of an order, and what comes of it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from hermetic.certificates.roles import Role
from hermetic.clock import TurnedClock
from hermetic.errors import CertificateRejected, TooManyAttempts, Unavailable, Unreachable
from hermetic.issuers.acme.answered import certificate_id
from hermetic.issuers.acme.client import AcmeIssuer
from hermetic.issuers.acme.http01 import Webroot
from hermetic.issuers.acme.order import Proof
from tests.support.acme import client, issued, requesting
from tests.support.acme_server import AcmeServer, Fault, problem, saying
from tests.support.waiting import pause

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
pytestmark = pytest.mark.judged("outcomes of the ACME fault server")


async def test_without_a_fault_all_goes_well_and_nothing_stays(
    server: AcmeServer, issuer: AcmeIssuer, tmp_path: Path
) -> None:
    await issued(issuer)
    assert (server.count("neworder"), server.count("newaccount")) == (1, 1)
    assert not [path for path in (tmp_path / "www").rglob("*") if path.is_file()]


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


async def test_a_certificate_for_other_names_is_refused(
    server: AcmeServer, issuer: AcmeIssuer
) -> None:
    server.certifies = ["a.test", "elsewhere.test"]
    with pytest.raises(CertificateRejected, match="elsewhere") as caught:
        await issued(issuer)
    assert caught.value.code == "not-as-asked"


async def test_a_certificate_for_another_key_is_refused(
    server: AcmeServer, issuer: AcmeIssuer
) -> None:
    server.faults["certificate"] = [Fault(200, server.authority.issue("a.test").chain_pem)]
    with pytest.raises(CertificateRejected) as caught:
        await issued(issuer)
    assert caught.value.code == "key-mismatch"


class Forgetful(Webroot):
    """Cannot take away what it laid down, for once."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.swept, self.fails = 0, True

    async def withdraw(self, proof: Proof) -> None:
        if self.fails:
            self.fails = False
            raise Unavailable("The folder is out of reach.")
        await super().withdraw(proof)

    async def sweep(self) -> None:
        self.swept += 1


async def test_what_could_not_be_taken_away_is_swept_by_the_next_order(
    server: AcmeServer, clock: TurnedClock, tmp_path: Path
) -> None:
    (tmp_path / "www").mkdir()
    prover = Forgetful(tmp_path / "www")
    issuer = client(server, clock, tmp_path, prover=prover)
    for swept in (1, 2, 2):
        await issued(issuer)
        assert prover.swept == swept


async def test_a_proof_of_a_name_that_was_not_ordered_is_not_given(
    server: AcmeServer, issuer: AcmeIssuer, tmp_path: Path
) -> None:
    challenge = {"type": "http-01", "url": f"{server.directory}/x", "token": "a-token"}
    told = {
        "identifier": {"type": "dns", "value": "elsewhere.test"},
        "status": "pending",
        "challenges": [challenge],
    }
    server.faults["authz"] = [saying(200, told)]
    with pytest.raises(Unreachable, match="not ordered"):
        await issued(issuer)
    assert not [path for path in (tmp_path / "www").rglob("*") if path.is_file()]


async def test_an_account_without_an_address_is_none(
    server: AcmeServer, issuer: AcmeIssuer
) -> None:
    server.faults["newaccount"] = [saying(201, {"status": "valid"})]
    with pytest.raises(Unreachable, match="does not say where"):
        await issued(issuer)
    await issued(issuer)


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


@pytest.mark.parametrize("limited", ["ari", "directory"])
async def test_a_server_that_limits_suggestions_is_not_asked_before_by_anybody(
    server: AcmeServer, clock: TurnedClock, tmp_path: Path, limited: str
) -> None:
    server.window = (NOW, NOW + HOUR)
    chain = await issued(client(server, clock, tmp_path))
    server.faults[limited] = [problem("rateLimited", 429, retry_after="3600")]
    with pytest.raises(TooManyAttempts):
        await client(server, clock, tmp_path).suggested(chain)
    asked = len(server.asked)
    with pytest.raises(TooManyAttempts):
        await client(server, clock, tmp_path).suggested(chain)
    with pytest.raises(TooManyAttempts):
        await issued(client(server, clock, tmp_path))
    assert len(server.asked) == asked
    clock.advance(HOUR)
    assert await client(server, clock, tmp_path).suggested(chain) is not None


async def test_many_names_are_proved_at_the_same_time_and_not_all_at_once(
    server: AcmeServer, clock: TurnedClock, tmp_path: Path
) -> None:
    at_once: list[int] = []
    showing = 0

    class Counting(Webroot):
        async def present(self, proof: Proof) -> None:
            nonlocal showing
            showing += 1
            at_once.append(showing)
            await pause(0)
            await super().present(proof)
            showing -= 1

    (tmp_path / "www").mkdir(exist_ok=True)
    issuer = client(server, clock, tmp_path, prover=Counting(tmp_path / "www"))
    names = [f"n{number}.test" for number in range(40)]
    chain = await issuer.issue(requesting(names), Role.API)
    assert len(chain.names) == len(at_once) == 40
    assert 1 < max(at_once) <= 16
