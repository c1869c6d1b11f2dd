"""The newest Pebble, which knows profiles (draft-ietf-acme-profiles) and renewal information (RFC 9773)."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path

import pytest
import structlog
from cryptography.hazmat.primitives.serialization import Encoding

from hermetic.certificates.chain import Chain
from hermetic.certificates.keys import KeyKind
from hermetic.certificates.roles import Role
from hermetic.certstore.files import FileStore
from hermetic.clock import TurnedClock
from hermetic.errors import Unreachable
from hermetic.issuers.acme.client import AcmeIssuer
from hermetic.node.renewal import Renewal
from tests.support import pebble as pebbles
from tests.support.acme import issuer_of, requesting, server_of
from tests.support.pebble import PROFILES, Pebble, needs_newest

pytestmark = [needs_newest, pytest.mark.slow, pytest.mark.system]

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture(scope="module")
def pebble() -> Iterator[Pebble]:
    with pebbles.running(newest=True) as made:
        yield made


def of(pebble: Pebble, folder: Path, profile: str = "", *kinds: str) -> AcmeIssuer:
    return issuer_of(pebble, folder, *kinds, server=server_of(pebble, profile=profile))


async def issued(issuer: AcmeIssuer, *names: str, replacing: Chain | None = None) -> Chain:
    return await issuer.issue(requesting(names), Role.API, replacing=replacing)


def told(start: datetime, end: datetime) -> str:
    window = {"start": start.isoformat(), "end": end.isoformat()}
    return json.dumps({"suggestedWindow": window})


def suggest(pebble: Pebble, chain: Chain, answer: str) -> None:
    pebble.suggest(chain.leaf.public_bytes(Encoding.PEM).decode(), answer)


@pytest.mark.judged("the newest Pebble, combinations of challenge, profile and EAB with two keys")
@pytest.mark.parametrize(
    ("kind", "profile", "eab"),
    list(product(("http-01", "tls-alpn-01", "dns-01"), PROFILES, (False, True))),
)
async def test_every_challenge_profile_and_account(
    tmp_path: Path, kind: str, profile: str, eab: bool
) -> None:
    with pebbles.running({"PEBBLE_WFE_NONCEREJECT": "20"}, eab=eab, newest=True) as server:
        told_of = server_of(server, eab=eab, profile=profile)
        issuer = issuer_of(server, tmp_path, kind, server=told_of)
        names = ["a.test", "*.a.test"] if kind == "dns-01" else ["a.test"]
        for key in (KeyKind.EC_P256, KeyKind.RSA_2048):
            request = requesting(names, key)
            chain = await issuer.issue(request, Role.API)
            assert chain.leaf.public_key() == request.public_key()
            assert set(chain.names) == set(names)
            assert abs(chain.not_after - chain.not_before - PROFILES[profile]) < MINUTE


async def test_a_profile_that_is_no_longer_offered_is_done_without(
    pebble: Pebble, tmp_path: Path
) -> None:
    with structlog.testing.capture_logs() as lines:
        chain = await issued(of(pebble, tmp_path, "gone"), "a.test")
    assert "certificate.profile_refused" in [one["event"] for one in lines]
    # which of those it offers is the server's to choose
    assert min(PROFILES.values()) - MINUTE < chain.not_after - chain.not_before


async def test_a_suggestion_is_taken_and_the_order_says_what_it_replaces(
    pebble: Pebble, tmp_path: Path
) -> None:
    clock = TurnedClock(datetime.now(UTC) + MINUTE)  # it backdates nothing
    issuer = of(pebble, tmp_path / "acme", "shortlived")
    renewal = Renewal(
        FileStore(tmp_path / "store"), "api", issuer, ["a.test"], Role.API, clock, lambda: 0.5
    )
    first = (await renewal.credential()).chain
    await renewal.turn()
    assert renewal.next_at is not None
    assert first.not_before + 48 * HOUR < renewal.next_at < first.not_after
    # taken back by its issuer, in effect: it wants it replaced by now
    suggest(pebble, first, told(clock() - HOUR, clock() + 2 * HOUR))
    clock.advance(7 * HOUR)  # longer than it had asked not to be asked
    await renewal.turn()
    second = FileStore(tmp_path / "store").read("api").chain
    assert second.serial != first.serial
    assert renewal.last_error is None


async def test_what_was_replaced_already_is_ordered_as_something_new(
    pebble: Pebble, tmp_path: Path
) -> None:
    issuer = of(pebble, tmp_path)
    first = await issued(issuer, "a.test")
    second = await issued(issuer, "a.test", replacing=first)
    third = await issued(issuer, "a.test", replacing=first)
    assert len({first.serial, second.serial, third.serial}) == 3


@pytest.mark.parametrize("answer", ["{}", "nonsense", '{"suggestedWindow": {"start": 1}}'])
async def test_nonsense_is_no_suggestion(pebble: Pebble, tmp_path: Path, answer: str) -> None:
    issuer = of(pebble, tmp_path)
    chain = await issued(issuer, "a.test")
    assert await issuer.suggested(chain) is not None
    suggest(pebble, chain, answer)
    with pytest.raises(Unreachable, match="renewalinfo"):
        await issuer.suggested(chain)


async def test_an_address_is_certified_with_a_short_life(pebble: Pebble, tmp_path: Path) -> None:
    chain = await issued(of(pebble, tmp_path, "shortlived", "tls-alpn-01"), "127.0.0.1")
    assert chain.names == ("127.0.0.1",)
    assert chain.not_after - chain.not_before < 7 * DAY


async def test_the_key_of_the_account_is_changed(pebble: Pebble, tmp_path: Path) -> None:
    issuer = of(pebble, tmp_path)
    first = await issued(issuer, "a.test")
    await issuer.change_key()
    await issuer.revoke(first)
    assert pebble.status_of(first.serial) == "Revoked"
