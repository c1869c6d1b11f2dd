"""Computes: created, attached, changed, removed."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from hermetic.certificates.credential import Credential
from hermetic.errors import (
    BadInput,
    Conflict,
    HermeticError,
    NotFound,
    NotPermitted,
    StorageFull,
)
from hermetic.gateway.computes import INTERNAL
from hermetic.gateway.operations import OperationState
from hermetic.registry.documents import Documents
from hermetic.serving.frontend import Asked, TlsState
from tests.support.deploying import ANNA, BERT, OLGA, RITA, Deck, deck_in

AUTO = Asked(TlsState.AUTO, label="contoso")
ATTACHED = "/subscriptions/s/resourceGroups/g/providers/x/managedClusters/hermetic"


@pytest.fixture
async def deck(tmp_path: Path) -> AsyncIterator[Deck]:
    async with deck_in(tmp_path) as deck:
        yield deck


async def test_a_compute_is_there_with_its_front_end(deck: Deck) -> None:
    made = await deck.create()
    assert made.owner == "anna"
    assert made.tls.host.startswith("contoso")
    assert deck.by_name.find(made.tls.host) is not None
    assert deck.computes.all() == [made]


async def test_it_is_shown_as_soon_as_it_is_accepted(deck: Deck) -> None:
    begun = await deck.computes.create(ANNA, deck.compute(), AUTO)
    assert deck.computes.find("cluster").owner == "anna"
    assert deck.computes.is_being_created("cluster")
    await deck.done(begun)
    assert not deck.computes.is_being_created("cluster")


async def test_what_could_not_be_kept_is_not_shown(
    deck: Deck, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(_self: object, _document: object) -> None:
        raise StorageFull("There is no room left.")

    begun = await deck.computes.create(ANNA, deck.compute(), AUTO)
    monkeypatch.setattr(Documents, "add", full)
    assert (await deck.ended(begun)).state is OperationState.FAILED
    with pytest.raises(NotFound):
        deck.computes.find("cluster")


async def test_it_outlasts_the_process(deck: Deck) -> None:
    made = await deck.create()
    again = await deck.restarted()
    found = again.computes.find("cluster")
    assert found.tls == made.tls
    assert found.credential is not None
    assert made.credential is not None
    assert found.credential.chain == made.credential.chain
    assert again.by_name.find(made.tls.host) is not None


async def test_a_name_is_given_once(deck: Deck) -> None:
    await deck.create()
    with pytest.raises(Conflict, match="already"):
        await deck.computes.create(ANNA, deck.compute(), AUTO)


async def test_of_two_at_once_one_is_refused(deck: Deck) -> None:
    begun = await deck.computes.create(ANNA, deck.compute(), AUTO)
    with pytest.raises(Conflict):
        await deck.computes.create(ANNA, deck.compute(), AUTO)
    await deck.done(begun)


@pytest.mark.parametrize(
    "more",
    [
        {"name": "a"},
        {"name": "a-"},
        {"name": "a" * 25},
        {"name": "1ab"},
        {"balancer": "Other"},
        {"agent_count": 0},
    ],
)
async def test_what_cannot_be_is_refused_and_nothing_is_there(
    deck: Deck, more: dict[str, object]
) -> None:
    with pytest.raises(BadInput):
        await deck.computes.create(ANNA, replace(deck.compute(), **more), AUTO)  # type: ignore[arg-type]
    assert deck.computes.all() == []


async def test_readers_make_none_and_strangers_change_none(deck: Deck) -> None:
    with pytest.raises(NotPermitted):
        await deck.computes.create(RITA, deck.compute(), AUTO)
    made = await deck.create()
    with pytest.raises(NotPermitted, match="'anna'"):
        await deck.computes.update(BERT, "cluster", made, Asked())
    with pytest.raises(NotPermitted, match="'anna'"):
        await deck.computes.remove(BERT, "cluster", detach=False)
    await deck.done(await deck.computes.update(OLGA, "cluster", made, Asked()))


async def test_tls_changes_and_the_rest_stays(deck: Deck) -> None:
    made = await deck.create()
    off = await deck.computes.update(ANNA, "cluster", made, Asked(TlsState.DISABLED))
    await deck.done(off)
    assert deck.computes.find("cluster").credential is None
    assert deck.by_name.find(made.tls.host) is None
    on = await deck.computes.update(ANNA, "cluster", deck.computes.find("cluster"), AUTO)
    await deck.done(on)
    assert deck.computes.find("cluster").tls == made.tls


async def test_a_change_that_is_refused_changes_nothing(deck: Deck) -> None:
    made = await deck.create()
    for asked in (
        Asked(TlsState.AUTO, label="other"),
        Asked(TlsState.ENABLED, host="www.contoso.test", certificate="none", key="none"),
    ):
        with pytest.raises(HermeticError):
            await deck.computes.update(ANNA, "cluster", made, asked)
    assert deck.computes.find("cluster") == made


async def test_what_was_attached_is_detached_and_not_deleted(deck: Deck) -> None:
    await deck.done(await deck.computes.create(ANNA, deck.compute(resource_id=ATTACHED), AUTO))
    with pytest.raises(BadInput, match="detach"):
        await deck.computes.remove(ANNA, "cluster", detach=False)
    await deck.done(await deck.computes.remove(ANNA, "cluster", detach=True))
    with pytest.raises(NotFound):
        deck.computes.find("cluster")


async def test_one_that_is_used_stays(deck: Deck) -> None:
    await deck.create()
    await deck.deploy(compute="cluster")
    with pytest.raises(Conflict, match="'wine'"):
        await deck.computes.remove(ANNA, "cluster", detach=False)


async def test_an_internal_one_has_no_label(deck: Deck) -> None:
    with pytest.raises(BadInput, match="internal"):
        await deck.computes.create(ANNA, deck.compute(balancer=INTERNAL), AUTO)


async def test_without_plain_http_there_is_none_without_tls(tmp_path: Path) -> None:
    async with deck_in(tmp_path, plain_http=False) as deck:
        with pytest.raises(BadInput, match=r"leaf_domain_label.*AzureML\.PlainHttp"):
            await deck.computes.create(ANNA, deck.compute(), Asked())
        await deck.create()


async def test_a_renewed_certificate_is_kept(deck: Deck) -> None:
    made = await deck.create()
    deck.clock.advance(timedelta(hours=18))
    await deck.front_ends.turn()
    found = (await deck.restarted()).computes.find("cluster")
    assert found.tls == made.tls
    assert found.credential is not None
    assert made.credential is not None
    assert found.credential.chain.serial != made.credential.chain.serial


async def test_one_that_goes_while_it_is_renewed_stops_no_other_renewal(
    deck: Deck, monkeypatch: pytest.MonkeyPatch
) -> None:
    await deck.create()
    issue = deck.front_ends.issued

    async def slow(host: str) -> Credential:
        await deck.done(await deck.computes.remove(ANNA, "cluster", detach=False))
        return await issue(host)

    monkeypatch.setattr(deck.front_ends, "issued", slow)
    deck.clock.advance(timedelta(hours=18))
    await deck.front_ends.turn()
    assert deck.computes.all() == []
    assert deck.front_ends.all() == []
