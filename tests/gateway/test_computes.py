"""Computes: created, attached, changed, removed."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hermetic.certificates.chain import Chain
from hermetic.errors import (
    BadInput,
    CertificateRejected,
    Conflict,
    HermeticError,
    NotFound,
    NotPermitted,
    StorageFull,
    TooManyAttempts,
    Unreachable,
)
from hermetic.gateway.computes import INTERNAL
from hermetic.gateway.operations import Operation
from hermetic.registry.documents import Document, Documents
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
    await deck.done(begun)


async def test_what_could_not_be_kept_is_not_shown(
    deck: Deck, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(_self: object, _document: object) -> None:
        raise StorageFull("There is no room left.")

    monkeypatch.setattr(Documents, "add", full)
    with pytest.raises(StorageFull):
        await deck.computes.create(ANNA, deck.compute(), AUTO)
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


async def test_who_comes_while_one_is_begun_is_refused_and_breaks_nothing(
    deck: Deck, monkeypatch: pytest.MonkeyPatch
) -> None:
    others: list[asyncio.Task[Operation]] = []
    add = Documents.add

    async def added(documents: Documents, document: Document) -> Document:
        kept = await add(documents, document)
        if document.kind == "compute":
            again = deck.computes.create(ANNA, deck.compute(), AUTO)
            others.append(asyncio.create_task(again))
        return kept

    monkeypatch.setattr(Documents, "add", added)
    begun = await deck.computes.create(ANNA, deck.compute(), AUTO)
    with pytest.raises(Conflict, match="under way"):
        await others[0]
    await deck.done(begun)
    assert deck.computes.find("cluster").failure is None


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
    issue = deck.authority.issue

    async def slow(*words: Any, **more: Any) -> Chain:
        await deck.done(await deck.computes.remove(ANNA, "cluster", detach=False))
        return await issue(*words, **more)

    monkeypatch.setattr(deck.authority, "issue", slow)
    deck.clock.advance(timedelta(hours=18))
    await deck.front_ends.turn()
    assert deck.computes.all() == []
    assert deck.front_ends.all() == []


async def test_what_cannot_be_certified_is_there_with_the_reason(deck: Deck) -> None:
    deck.issuer.failing = CertificateRejected("not-proved", "That it is ours is not proved.")
    ended = await deck.ended(await deck.computes.create(ANNA, deck.compute(), AUTO))
    assert ended.failure is not None
    assert (ended.failure.code, ended.failure.message) == (
        "not-proved",
        "That it is ours is not proved.",
    )
    for one in (deck, await deck.restarted()):
        found = one.computes.find("cluster")
        assert found.failure == ("not-proved", "That it is ours is not proved.")
        assert (found.tls.state, found.credential) == (TlsState.DISABLED, None)
        with pytest.raises(Conflict, match="not proved"):
            one.computes.usable("cluster")


async def test_what_could_not_be_created_is_created_again_under_the_same_name(deck: Deck) -> None:
    deck.issuer.failing = Unreachable("The authority is down.")
    await deck.ended(await deck.computes.create(ANNA, deck.compute(), AUTO))
    suffix = deck.computes.find("cluster").tls.suffix
    with pytest.raises(NotPermitted):
        await deck.computes.create(BERT, deck.compute(), AUTO)
    deck.issuer.failing = None
    made = await deck.create()
    assert made.tls.suffix == suffix
    assert made.failure is None
    assert deck.computes.usable("cluster") == made
    assert deck.by_name.find(made.tls.host) is not None


async def test_what_could_not_be_created_is_mended_or_removed(deck: Deck) -> None:
    deck.issuer.failing = Unreachable("The authority is down.")
    for name in ("cluster", "other"):
        await deck.ended(await deck.computes.create(ANNA, deck.compute(name), AUTO))
    deck.issuer.failing = None
    failed = deck.computes.find("cluster")
    await deck.done(await deck.computes.update(ANNA, "cluster", failed, Asked()))
    assert deck.computes.find("cluster").failure is not None  # nothing was asked of its TLS
    await deck.done(await deck.computes.update(ANNA, "cluster", failed, AUTO))
    assert deck.computes.usable("cluster").tls.state is TlsState.AUTO
    await deck.done(await deck.computes.remove(ANNA, "other", detach=False))
    assert [one.name for one in deck.computes.all()] == ["cluster"]


async def test_it_is_seen_while_its_certificate_is_waited_for(deck: Deck) -> None:
    deck.issuer.hangs = True
    await deck.computes.create(ANNA, deck.compute(), AUTO)
    assert deck.computes.is_changing("cluster")
    assert deck.computes.find("cluster").failure is not None
    with pytest.raises(Conflict, match="still being created"):
        deck.computes.usable("cluster")
    with pytest.raises(Conflict, match="under way"):
        await deck.computes.remove(ANNA, "cluster", detach=False)
    await deck.operations.stop(within_s=0)
    failure = deck.computes.find("cluster").failure
    assert failure is not None
    assert failure[0] == "NodeStopped"


async def test_a_renewal_that_is_refused_leaves_the_one_before(deck: Deck) -> None:
    made = await deck.create()
    deck.issuer.failing = TooManyAttempts("Patience.", 3600)
    renew = replace(AUTO, renew=True)
    ended = await deck.ended(await deck.computes.update(ANNA, "cluster", made, renew))
    assert ended.failure is not None
    assert ended.failure.code == "TooManyAttempts"
    assert deck.computes.find("cluster") == made
    assert deck.presented("compute/cluster") is made.credential


async def test_one_that_was_kept_before_failures_were_is_read(deck: Deck) -> None:
    await deck.create()
    (document,) = await deck.documents.all("compute")
    body = {name: value for name, value in document.body.items() if name != "failure"}
    await deck.documents.replace(replace(document, body=body))
    assert (await deck.restarted()).computes.usable("cluster").failure is None
