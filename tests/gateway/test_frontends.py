"""Front ends: issued, given, presented, renewed."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from hermetic.certificates.chain import Chain
from hermetic.certificates.credential import Credential
from hermetic.errors import BadInput, CertificateRejected, Conflict, Unreachable
from hermetic.gateway.frontends import FrontEnd, Leading
from hermetic.serving.frontend import Asked, TlsState
from tests.support.certificates import hierarchy
from tests.support.deploying import Deck, deck_in

ONE = FrontEnd("compute/one")
AUTO = Asked(TlsState.AUTO, label="contoso")
HOST = "www.contoso.test"


@pytest.fixture
async def deck(tmp_path: Path) -> AsyncIterator[Deck]:
    async with deck_in(tmp_path) as deck:
        yield deck


class Owner:
    """Whoever owns front ends, and keeps what was renewed."""

    def __init__(self, deck: Deck) -> None:
        self.deck = deck
        self.kept: list[Credential] = []
        self.fails = False

    async def hold(self, asked: Asked, now: FrontEnd = ONE) -> FrontEnd:
        held = await self.deck.front_ends.changed(now, asked)
        await self.deck.front_ends.hold(held, self.keep)
        return held

    async def keep(self, name: str, credential: Credential) -> None:
        if self.fails:
            raise Unreachable("The database is away.")
        self.kept.append(credential)
        (now,) = [one for one in self.deck.front_ends.all() if one.name == name]
        await self.deck.front_ends.hold(replace(now, credential=credential), self.keep)


@pytest.fixture
def owner(deck: Deck) -> Owner:
    return Owner(deck)


def given(authority_name: str = "Company", *, names: tuple[str, ...] = (HOST,)) -> Credential:
    return hierarchy(name=authority_name).issue(*names)


def own(credential: Credential, host: str = HOST) -> Asked:
    chain, key = credential.chain_pem.decode(), credential.key_pem.decode()
    return Asked(TlsState.ENABLED, host=host, certificate=chain, key=key)


async def test_a_label_is_certified_and_presented(deck: Deck, owner: Owner) -> None:
    held = await owner.hold(AUTO)
    assert held.credential is not None
    assert held.credential.chain.names == (held.tls.host,)
    assert deck.by_name.find(held.tls.host.upper()) is not None


async def test_what_is_dropped_is_presented_no_longer(deck: Deck, owner: Owner) -> None:
    held = await owner.hold(AUTO)
    await deck.front_ends.drop(held.name)
    await deck.front_ends.drop(held.name)
    assert deck.by_name.find(held.tls.host) is None


async def test_another_name_is_presented_in_place_of_the_first(deck: Deck, owner: Owner) -> None:
    first = await owner.hold(AUTO)
    second = await owner.hold(replace(AUTO, label="fabrikam", overwrite=True), first)
    assert deck.by_name.find(first.tls.host) is None
    assert deck.by_name.find(second.tls.host) is not None


async def test_what_an_owner_gives_is_presented_for_that_name_alone(
    deck: Deck, owner: Owner
) -> None:
    deck.clock.now = hierarchy().now
    await owner.hold(own(given(names=(HOST, "other.contoso.test", "*.contoso.test"))))
    assert deck.by_name.find(HOST) is not None
    assert deck.by_name.find("other.contoso.test") is None
    assert deck.by_name.find("any.contoso.test") is None


async def test_two_front_ends_have_two_names(deck: Deck, owner: Owner) -> None:
    deck.clock.now = hierarchy().now
    await owner.hold(own(given()))
    with pytest.raises(Conflict, match="Another front end"):
        await owner.hold(own(given("Other")), FrontEnd("compute/two"))


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: own(given(), "www.fabrikam.test"), "wrong-name"),
        (lambda: replace(own(given()), key=given("Other").key_pem.decode()), "key-mismatch"),
        (lambda: replace(own(given()), certificate="no PEM"), "no-certificate"),
    ],
)
async def test_what_cannot_be_presented_is_refused(
    deck: Deck, owner: Owner, make: object, code: str
) -> None:
    deck.clock.now = hierarchy().now
    assert callable(make)
    with pytest.raises(CertificateRejected) as refused:
        await owner.hold(make())
    assert refused.value.code == code
    assert deck.front_ends.all() == []


async def test_a_leaf_whose_issuer_nobody_knows_is_refused(deck: Deck, owner: Owner) -> None:
    authority = hierarchy()
    deck.clock.now = authority.now
    credential = authority.issue(HOST)
    chain = credential.chain_pem.partition(b"-----END CERTIFICATE-----\n")
    alone = replace(own(credential), certificate=(chain[0] + chain[1]).decode())
    with pytest.raises(CertificateRejected) as refused:
        await owner.hold(alone)
    assert refused.value.code == "missing-intermediate"
    await owner.hold(alone, replace(ONE, for_development=True))


async def test_self_signed_is_for_development_alone(deck: Deck, owner: Owner) -> None:
    authority = hierarchy()
    deck.clock.now = authority.now
    with pytest.raises((CertificateRejected, BadInput)):
        await owner.hold(own(authority.root))


async def test_what_is_ours_is_renewed_in_time_and_keeps_its_name(deck: Deck, owner: Owner) -> None:
    held = await owner.hold(AUTO)
    await deck.front_ends.turn()
    assert owner.kept == []
    deck.clock.advance(timedelta(hours=18))
    await deck.front_ends.turn()
    (fresh,) = owner.kept
    assert fresh.chain.names == (held.tls.host,)
    assert deck.presented(held.name) is fresh
    await deck.front_ends.turn()
    assert len(owner.kept) == 1


async def test_what_an_owner_gave_is_not_renewed(deck: Deck, owner: Owner) -> None:
    deck.clock.now = hierarchy().now
    await owner.hold(own(given()))
    deck.clock.advance(timedelta(hours=23))
    await deck.front_ends.turn()
    assert owner.kept == []


async def test_what_an_owner_gave_is_warned_about_once_at_each_stage(
    deck: Deck, owner: Owner
) -> None:
    await owner.hold(own(given()))
    (held,) = deck.front_ends.all()
    assert held.credential is not None
    chain = held.credential.chain
    told = []
    for share in (0.5, 0.7, 0.72, 0.9, 0.96, 1.01):
        deck.clock.now = chain.not_before + (chain.not_after - chain.not_before) * share
        with capture_logs() as logs:
            await deck.front_ends.turn()
            await deck.front_ends.hold(held, owner.keep)  # described anew, as it may be
        told += [(one["stage"], one["log_level"]) for one in logs if "expiring" in one["event"]]
    assert told == [
        ("due", "warning"),
        ("late", "warning"),
        ("critical", "error"),
        ("expired", "error"),
    ]
    assert owner.kept == []


async def test_what_is_ours_is_not_warned_about(deck: Deck, owner: Owner) -> None:
    held = await owner.hold(AUTO)
    assert held.credential is not None
    deck.clock.now = held.credential.chain.not_after - timedelta(hours=1)
    with capture_logs() as logs:
        await deck.front_ends.turn()
    assert [one["event"] for one in logs if "expiring" in one["event"]] == []


async def test_a_renewal_that_fails_is_tried_again(deck: Deck, owner: Owner) -> None:
    held = await owner.hold(AUTO)
    owner.fails = True
    deck.clock.advance(timedelta(hours=18))
    await deck.front_ends.turn()
    assert deck.presented(held.name) is held.credential
    owner.fails = False
    await deck.front_ends.turn()
    assert owner.kept == []  # not at once
    deck.clock.advance(timedelta(minutes=6))
    await deck.front_ends.turn()
    assert len(owner.kept) == 1


async def test_a_replaced_authority_renews_all(deck: Deck, owner: Owner) -> None:
    held = await owner.hold(AUTO)
    await deck.authority.change(lambda roots: roots.prepare())
    await deck.authority.change(lambda roots: roots.activate())
    await deck.authority.change(lambda roots: roots.retire())
    await deck.front_ends.turn()
    (fresh,) = owner.kept
    assert held.credential is not None
    assert fresh.chain.issuers != held.credential.chain.issuers


class PlayedNames:
    """The DNS, which may be away."""

    def __init__(self) -> None:
        self.led: dict[str, str] = {}
        self.away = False

    async def lead(self, host: str, address: str) -> None:
        if self.away:
            raise Unreachable("The name server is away.")
        self.led[host] = address

    async def forget(self, host: str) -> None:
        if self.away:
            raise Unreachable("The name server is away.")
        del self.led[host]


@pytest.fixture
def names(deck: Deck) -> PlayedNames:
    names = PlayedNames()
    deck.front_ends.leading = Leading(names, "10.0.0.7")
    return names


async def test_a_name_of_ours_leads_here_until_it_is_dropped(
    deck: Deck, owner: Owner, names: PlayedNames
) -> None:
    held = await owner.hold(AUTO)
    assert names.led == {held.tls.host: "10.0.0.7"}
    other = await owner.hold(replace(AUTO, label="fabrikam", overwrite=True), held)
    assert names.led == {other.tls.host: "10.0.0.7"}
    await owner.hold(replace(AUTO, renew=True), other)
    assert list(names.led) == [other.tls.host]
    await deck.front_ends.drop(ONE.name)
    assert names.led == {}


async def test_a_name_that_cannot_be_set_changes_nothing(
    deck: Deck, owner: Owner, names: PlayedNames
) -> None:
    names.away = True
    with pytest.raises(Unreachable):
        await owner.hold(AUTO)
    assert deck.front_ends.all() == []


async def test_a_name_that_cannot_be_taken_back_is_answered_to_no_longer(
    deck: Deck, owner: Owner, names: PlayedNames
) -> None:
    held = await owner.hold(AUTO)
    names.away = True
    await deck.front_ends.drop(ONE.name)
    assert deck.by_name.find(held.tls.host) is None


async def test_nobody_takes_the_name_of_the_node(deck: Deck, owner: Owner) -> None:
    deck.front_ends.is_own = lambda host: host == HOST
    with pytest.raises(Conflict, match="own name"):
        await owner.hold(own(given()))
    assert deck.by_name.find(HOST) is None
    await owner.hold(own(given(names=("other.test",)), "other.test"))


async def test_a_name_for_which_nothing_is_issued_leads_nowhere_again(
    deck: Deck, owner: Owner, names: PlayedNames
) -> None:
    deck.issuer.failing = Unreachable("The authority is down.")
    with pytest.raises(Unreachable):
        await owner.hold(AUTO)
    assert names.led == {}


async def test_a_renewal_that_fails_leaves_the_name_where_it_leads(
    deck: Deck, owner: Owner, names: PlayedNames
) -> None:
    held = await owner.hold(AUTO)
    deck.issuer.failing = Unreachable("The authority is down.")
    with pytest.raises(Unreachable):
        await owner.hold(replace(AUTO, renew=True), held)
    assert list(names.led) == [held.tls.host]


async def test_a_plan_asks_nobody(deck: Deck, names: PlayedNames) -> None:
    change = await deck.front_ends.planned(ONE, AUTO)
    assert change.issue
    assert (deck.issuer.asked, names.led) == ([], {})


async def test_what_failed_is_told_until_it_is_renewed(deck: Deck, owner: Owner) -> None:
    held = await owner.hold(AUTO)
    deck.clock.advance(timedelta(hours=18))
    deck.issuer.failing = Unreachable("The authority is down.")
    await deck.front_ends.turn()
    assert deck.front_ends.trouble(held.name) == "The authority is down."
    assert deck.presented(held.name) is held.credential
    deck.issuer.failing = None
    deck.clock.advance(timedelta(minutes=6))
    await deck.front_ends.turn()
    assert deck.front_ends.trouble(held.name) is None
    assert deck.issuer.replaced[-1] is not None


async def test_the_one_that_ends_first_is_renewed_first(deck: Deck, owner: Owner) -> None:
    later = FrontEnd("compute/a")
    await owner.hold(AUTO)
    deck.clock.advance(timedelta(hours=1))
    await owner.hold(replace(AUTO, label="later"), later)
    deck.clock.advance(timedelta(hours=18))
    await deck.front_ends.turn()
    assert [one.chain.names[0][:5] for one in owner.kept] == ["conto", "later"]


async def test_what_was_given_while_another_was_issued_is_not_replaced(
    deck: Deck, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = await owner.hold(AUTO)
    issue = deck.authority.issue

    async def slow(*words: Any, **more: Any) -> Chain:
        monkeypatch.undo()
        await owner.hold(replace(AUTO, label="other", overwrite=True), held)
        return await issue(*words, **more)

    monkeypatch.setattr(deck.authority, "issue", slow)
    deck.clock.advance(timedelta(hours=18))
    await deck.front_ends.turn()
    (now,) = deck.front_ends.all()
    assert now.credential is not None
    assert now.credential.chain.names == (now.tls.host,)
    assert owner.kept == []
