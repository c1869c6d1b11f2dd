"""Who is connected: let in by what was shown, looked at again, cut off; on both event loops."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path

import pytest
from cryptography import x509
from structlog.testing import capture_logs

from hermetic.certificates.authorisation import Allowed, Trust
from hermetic.certificates.chain import Chain
from hermetic.certificates.names import ServerName
from hermetic.certificates.revocation import Revocations
from hermetic.certificates.roles import Role
from hermetic.clock import TurnedClock
from hermetic.tls import peers
from hermetic.tls.trust import LiveTrust
from tests.support.authorities import Folders
from tests.support.callers import Caller, Cast
from tests.support.certificates import DAY, Hierarchy
from tests.support.listening import listen
from tests.support.mutual import Door, Doorkeeper, door
from tests.support.verdicts import Case, faults, fingerprint, trusting, who_where

# Every fault, and everybody in a good part of the places where somebody of them is meant.
CASES = [
    *(case for case in faults() if "where everybody" in case.name),
    *(case for case in who_where() if "name" in case.name or "issuer" in case.name),
]


@pytest.fixture
def clock(cast: Cast) -> TurnedClock:
    return TurnedClock(cast.now)


@pytest.fixture
async def opened(
    tmp_path: Path, cast: Cast, authority: Hierarchy, clock: TurnedClock
) -> AsyncIterator[Door]:
    """Return a door whose trust the tests put in force by hand."""
    source = Folders(tmp_path)
    source.trust(cast.root, cast.legacy)
    async with door(LiveTrust(source, role=Role.AUTHENTICATION, clock=clock), authority) as opened:
        yield opened


def denying(cast: Cast, *who: str) -> Trust:
    return trusting(cast, Allowed.parse(denied=[fingerprint(cast.identity(one)) for one in who]))


def refusals(opened: Door) -> int:
    """Return how many were refused so far, by TLS or by what they showed."""
    return opened.port.listener.refused.total() + opened.peers.refused.total()


async def verdict(opened: Door, cast: Cast, case: Case) -> str:
    """Return what comes of a case: `in`, or the code of the refusal, which is counted, or `tls`."""
    opened.peers.review(case.trust(cast))
    before = refusals(opened)
    knocking = await opened.knock(case.knocks(cast))
    await opened.port.settled(lambda _: refusals(opened) - before == (knocking.verdict != "in"))
    await knocking.peer.close()
    return knocking.verdict


async def test_real_handshakes_come_to_the_verdicts_of_the_tables(opened: Door, cast: Cast) -> None:
    assert len(CASES) >= 40
    met = {case.name: await verdict(opened, cast, case) for case in CASES}
    wanted = {
        case.name: {"in"} if case.verdict == "in" else {case.verdict, "tls"} for case in CASES
    }
    assert {name: met[name] for name in met if met[name] not in wanted[name]} == {}
    assert set(met.values()) >= {"in", "tls", "wrong-name", "wrong-issuer", "weak-signature"}


async def test_a_peer_is_known_by_the_certificate_of_its_handshake(
    opened: Door, cast: Cast
) -> None:
    knocking = await opened.knock(cast.identity("web-1"))
    (peer,) = opened.peers
    assert peer.subject == "CN=web-1,O=Contoso"
    assert peer.names == ("web-1.nodes.test", "spiffe://contoso/web-1")
    assert peer.address == "127.0.0.1"
    assert peer.chain.certificates[-1] == cast.root.certificate
    await knocking.peer.close()
    await opened.port.settled(lambda listener: not opened.peers.connections)


async def test_a_door_at_which_nobody_is_yet_is_a_door(opened: Door) -> None:
    assert opened.peers.connections == 0
    assert bool(opened.peers)  # or `peers or everybody` would let everybody in


async def test_who_is_refused_is_told_why_and_counted_and_logged(opened: Door, cast: Cast) -> None:
    opened.peers.review(trusting(cast, Allowed.parse(subjects=["CN=web-2,O=Contoso"])))
    web_1 = cast.identity("web-1")
    with capture_logs() as lines:
        knocking = await opened.knock(web_1)
    assert knocking.verdict == "wrong-subject"
    await knocking.ended()
    assert opened.peers.refused == {"wrong-subject": 1}
    assert [(line["event"], line["reason"], line["peer"]) for line in lines] == [
        ("peer.refused", "wrong-subject", "127.0.0.1")
    ]
    assert lines[0]["sha256"] == fingerprint(web_1).replace(":", "").lower()
    assert "'CN=web-2,O=Contoso'" in lines[0]["text"]


async def test_a_review_cuts_off_who_is_not_let_in_any_more_and_nobody_else(
    opened: Door, cast: Cast
) -> None:
    out = [await opened.knock(cast.identity("web-1")) for _ in range(3)]
    others = [await opened.knock(cast.identity(who)) for who in ("web-2", "guest", "legacy")]
    with capture_logs() as lines:
        assert opened.peers.review(denying(cast, "web-1")) == 3
    for one in out:
        await one.ended()
    assert [await one.goes_on() for one in others] == [True] * 3
    assert [(line["event"], line["reason"], line["connections"]) for line in lines] == [
        ("peer.cut_off", "denied", 3)
    ]
    assert opened.peers.cut_off == {"denied": 3}
    assert opened.peers.connections == 3


class Counting(Trust):
    """A trust that counts whom it was asked about."""

    @cached_property
    def asked(self) -> list[x509.Certificate]:
        return []

    def judge(
        self,
        certificates: Sequence[x509.Certificate],
        at: datetime,
        *,
        name: ServerName | str | None = None,
    ) -> Chain:
        self.asked.append(certificates[0])
        return super().judge(certificates, at, name=name)


async def test_a_certificate_is_judged_once_however_often_it_is_shown(
    opened: Door, cast: Cast
) -> None:
    trust = Counting(cast.roots, Role.AUTHENTICATION)
    opened.peers.review(trust)
    for who in ("web-1", "web-1", "web-2", "web-1"):
        await opened.knock(cast.identity(who))
    leaves = [cast.identity(who).leaf for who in ("web-1", "web-2")]
    assert trust.asked == leaves
    opened.peers.review(trust)
    assert trust.asked == leaves * 2


async def test_who_comes_back_after_a_review_is_judged_anew(opened: Door, cast: Cast) -> None:
    knocking = await opened.knock(cast.identity("web-1"))
    await knocking.peer.close()
    await opened.port.settled(lambda listener: not opened.peers.connections)
    assert opened.peers.review(denying(cast, "web-1")) == 0
    assert (await opened.knock(cast.identity("web-1"))).verdict == "denied"


async def test_the_same_leaf_with_less_beside_it_is_judged_for_itself(
    opened: Door, cast: Cast
) -> None:
    web_1 = cast.identity("web-1")
    assert (await opened.knock(web_1)).verdict == "in"
    alone = Caller(web_1.certificates[:1], web_1.key)
    assert (await opened.knock(alone)).verdict == "tls"


async def test_who_was_let_in_is_cut_off_when_the_certificate_ends(
    opened: Door, cast: Cast, clock: TurnedClock
) -> None:
    ending = await opened.knock(cast.identity("web-1"))
    lasting = await opened.knock(cast.caller("web-3", not_after=cast.now + 9 * DAY))
    clock.advance(DAY - timedelta(seconds=1))
    assert opened.peers.sweep(clock()) == 0
    clock.advance(timedelta(seconds=2))
    with capture_logs() as lines:
        assert opened.peers.sweep(clock()) == 1
    await ending.ended()
    assert await lasting.goes_on()
    assert [(line["reason"], line["connections"]) for line in lines] == [("expired", 1)]


async def test_who_comes_back_after_the_end_is_refused(
    opened: Door, cast: Cast, clock: TurnedClock
) -> None:
    await (await opened.knock(cast.identity("web-1"))).peer.close()
    clock.advance(2 * DAY)
    assert (await opened.knock(cast.identity("web-1"))).verdict == "expired"


async def test_a_list_that_ends_keeps_those_out_whom_it_was_about(
    opened: Door, cast: Cast, clock: TurnedClock
) -> None:
    lists = Revocations([cast.crl(cast.issuing, ends=1), cast.crl(cast.root, ends=9)])
    opened.peers.review(Trust(cast.roots, Role.AUTHENTICATION, revocations=lists))
    covered = await opened.knock(cast.caller("web-3", not_after=cast.now + 9 * DAY))
    other = await opened.knock(cast.caller("guest", cast.guests, not_after=cast.now + 9 * DAY))
    clock.advance(2 * DAY)
    assert opened.peers.sweep(clock()) == 1
    await covered.ended()
    assert await other.goes_on()
    assert opened.peers.cut_off == {"crl-expired": 1}


async def test_on_a_plain_port_nobody_is_let_in_and_the_log_is_not_filled(opened: Door) -> None:
    port = await listen(None, protocol=lambda: Doorkeeper(opened.peers))
    with capture_logs() as lines:
        for _ in range(15):
            stranger = await port.connect()
            stranger.writer.write(b"X-Forwarded-Client-Cert: Subject=CN=web-1\r\n")
            assert await stranger.rest() in {b"403 no-certificate\n", b""}
            await stranger.close()
    assert opened.peers.refused == {"no-certificate": 15}
    assert len(lines) == 10
    port.listener.close()
    await port.listener.wait_closed()


async def test_those_who_left_are_not_remembered_for_ever(
    opened: Door, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peers, "_MOST_REMEMBERED", 2)
    trust = Counting(cast.roots, Role.AUTHENTICATION)
    opened.peers.review(trust)
    stays = await opened.knock(cast.identity("guest"))
    for who in ("web-1", "web-2", "web-1"):
        await (await opened.knock(cast.identity(who))).peer.close()
        await opened.port.settled(lambda listener: opened.peers.connections == 1)
    assert len(trust.asked) == 4
    assert await stays.goes_on()
