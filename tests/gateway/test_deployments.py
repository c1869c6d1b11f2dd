"""The life of a deployment: put together, loaded once, answered for, changed, deleted."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from hermetic.access.deployment_tokens import holds
from hermetic.client.execution import Loaded
from hermetic.errors import BadInput, Conflict, NotFound, NotPermitted, ServiceUnloadable
from hermetic.gateway.assembling import Source, Sources
from hermetic.gateway.deployments import Wish
from hermetic.gateway.operations import Operation, OperationState
from hermetic.serving.deployment import DeploymentKind, DeploymentState
from hermetic.serving.frontend import Asked, TlsState
from hermetic.serving.service import Service
from tests.support.certificates import Hierarchy, hierarchy
from tests.support.deploying import ANNA, BERT, OLGA, RITA, Deck, deck_in
from tests.support.tokens import signing_key

HOST = "www.contoso.test"
OFF = Asked(TlsState.DISABLED)


@pytest.fixture
async def deck(tmp_path: Path) -> AsyncIterator[Deck]:
    async with deck_in(tmp_path) as deck:
        yield deck


def own(authority: Hierarchy) -> Asked:
    given = authority.issue(HOST)
    chain, key = given.chain_pem.decode(), given.key_pem.decode()
    return Asked(TlsState.ENABLED, host=HOST, certificate=chain, key=key)


async def failing(service: Service, folder: Path | None) -> Loaded:
    raise ServiceUnloadable("'wine' cannot be loaded: ValueError: no.", "Traceback: in init")


async def test_a_script_is_loaded_once_and_answered_for(deck: Deck) -> None:
    made = await deck.deploy()
    assert made.state is DeploymentState.HEALTHY
    assert made.owner == "anna"
    (checked,) = deck.execution.checked
    assert checked.entry.target == "score.py"
    assert dict(checked.entry.variables)["AZUREML_ENTRY_SCRIPT"] == "score.py"
    assert deck.placing.find("wine") == made


async def test_it_outlasts_the_process(deck: Deck) -> None:
    made = await deck.deploy()
    keys = deck.deployments.keys(ANNA, "wine")
    again = await deck.restarted()
    assert again.placing.find("wine") == made
    assert again.deployments.keys(ANNA, "wine") == keys


async def test_its_bundle_is_not_swept(deck: Deck) -> None:
    made = await deck.deploy()
    files, deployed = await deck.artifacts.bundles()
    assert deployed == {made.bundle}
    deck.clock.advance(timedelta(hours=3))
    await deck.bundles.sweep(kept=files | deployed, served=deployed)
    assert (await deck.restarted()).placing.find("wine") == made


async def test_one_that_cannot_be_loaded_stays_to_be_looked_at(deck: Deck) -> None:
    deck.execution.check = failing  # type: ignore[method-assign]  # a script that raises
    wish = Wish(deck.deployment(), await deck.sources(), OFF)
    ended = await deck.ended(await deck.deployments.create(ANNA, wish))
    assert ended.state is OperationState.FAILED
    assert deck.deployments.find("wine").state is DeploymentState.FAILED
    assert deck.deployments.find("wine").error is not None
    assert "in init" in deck.journal.tail("wine", 10)
    assert deck.placing.find("wine") is None


async def test_an_update_that_cannot_be_loaded_changes_nothing(deck: Deck) -> None:
    made = await deck.deploy()
    deck.execution.check = failing  # type: ignore[method-assign]  # a script that raises
    wish = Wish(replace(made, description="new"), None, OFF)
    ended = await deck.ended(await deck.deployments.update(ANNA, "wine", wish))
    assert ended.state is OperationState.FAILED
    assert deck.deployments.find("wine") == made
    assert deck.placing.find("wine") == made


async def test_what_its_owner_says_of_it_needs_no_new_workers(deck: Deck) -> None:
    made = await deck.deploy()
    placed = deck.execution.placed.copy()
    wish = Wish(replace(made, tags={"a": "b"}), None, OFF)
    await deck.done(await deck.deployments.update(ANNA, "wine", wish))
    assert deck.deployments.find("wine").tags == {"a": "b"}
    assert all(deck.execution.placed[key] is placed[key] for key in placed)


async def test_a_name_is_taken_until_it_may_be_overwritten(deck: Deck) -> None:
    await deck.deploy()
    keys = deck.deployments.keys(ANNA, "wine")
    wish = Wish(deck.deployment(description="again"), await deck.sources(), OFF)
    with pytest.raises(Conflict, match="overwrite"):
        await deck.deployments.create(ANNA, wish)
    await deck.done(await deck.deployments.create(ANNA, wish, overwrite=True))
    assert deck.deployments.find("wine").description == "again"
    assert deck.deployments.keys(ANNA, "wine") == keys
    with pytest.raises(NotPermitted):
        await deck.deployments.create(BERT, wish, overwrite=True)


async def test_an_owner_keeps_what_an_administrator_overwrote(deck: Deck) -> None:
    made = await deck.deploy()
    deck.clock.advance(timedelta(hours=1))
    wish = Wish(deck.deployment(description="again"), await deck.sources(), OFF)
    await deck.done(await deck.deployments.create(OLGA, wish, overwrite=True))
    after = deck.deployments.find("wine")
    assert (after.owner, after.created_at) == ("anna", made.created_at)


async def test_of_two_who_deploy_at_once_one_hears_of_the_other(deck: Deck) -> None:
    authority = hierarchy()
    deck.clock.now = authority.now
    # Each certificate is judged in a thread, so that both have looked before either is kept.
    wishes = [
        Wish(deck.deployment(description=one), await deck.sources(), own(authority))
        for one in ("first", "second")
    ]
    begun = await asyncio.gather(
        *(
            deck.deployments.create(who, wish)
            for who, wish in zip((ANNA, BERT), wishes, strict=True)
        ),
        return_exceptions=True,
    )
    (refused,) = [one for one in begun if isinstance(one, BaseException)]
    assert isinstance(refused, Conflict)
    (good,) = [one for one in begun if isinstance(one, Operation)]
    await deck.done(good)
    assert len(deck.deployments.all()) == 1


async def test_a_kind_is_not_overwritten_by_another(deck: Deck) -> None:
    await deck.create()
    await deck.deploy()
    wish = Wish(deck.deployment(compute="cluster"), await deck.sources())
    with pytest.raises(Conflict, match="ACI"):
        await deck.deployments.create(ANNA, wish, overwrite=True)


async def test_two_do_not_share_a_dns_label(deck: Deck) -> None:
    made = await deck.deploy()
    wish = Wish(deck.deployment("beer", host=made.host), await deck.sources(), OFF)
    with pytest.raises(Conflict, match="dns_name_label"):
        await deck.deployments.create(ANNA, wish)


async def test_readers_deploy_nothing_and_see_no_keys(deck: Deck) -> None:
    wish = Wish(deck.deployment(), await deck.sources(), OFF)
    with pytest.raises(NotPermitted):
        await deck.deployments.create(RITA, wish)
    await deck.deploy()
    with pytest.raises(NotPermitted):
        deck.deployments.keys(RITA, "wine")


async def test_strangers_change_nothing(deck: Deck) -> None:
    made = await deck.deploy()
    wish = Wish(made, None, OFF)
    with pytest.raises(NotPermitted):
        await deck.deployments.update(BERT, "wine", wish)
    with pytest.raises(NotPermitted):
        await deck.deployments.delete(BERT, "wine")
    with pytest.raises(NotPermitted):
        await deck.deployments.regenerate(BERT, "wine", primary=True, key=None)
    await deck.done(await deck.deployments.delete(OLGA, "wine"))


async def test_what_is_deleted_is_gone_with_its_bundle(deck: Deck) -> None:
    await deck.deploy()
    await deck.done(await deck.deployments.delete(ANNA, "wine"))
    assert deck.placing.find("wine") is None
    assert deck.execution.placed == {}
    assert (await deck.artifacts.bundles())[1] == set()
    with pytest.raises(NotFound):
        deck.deployments.find("wine")


async def test_a_key_is_replaced_and_the_other_stays(deck: Deck) -> None:
    await deck.deploy()
    before = deck.deployments.keys(ANNA, "wine")
    await deck.done(await deck.deployments.regenerate(ANNA, "wine", primary=True, key=None))
    after = deck.deployments.keys(ANNA, "wine")
    assert after.primary != before.primary
    assert after.secondary == before.secondary
    chosen = await deck.deployments.regenerate(ANNA, "wine", primary=False, key="chosen-one")
    await deck.done(chosen)
    assert deck.deployments.keys(ANNA, "wine").secondary == "chosen-one"
    with pytest.raises(BadInput, match="8 to 512"):
        await deck.deployments.regenerate(ANNA, "wine", primary=False, key="short")


async def test_tokens_are_given_where_they_are_taken(deck: Deck) -> None:
    await deck.create()
    await deck.deploy(compute="cluster", key_auth=True)
    with pytest.raises(BadInput, match="token_auth_enabled"):
        deck.deployments.token(ANNA, "wine")
    made = deck.deployments.find("wine")
    wish = Wish(replace(made, key_auth=False, token_auth=True), None)
    await deck.done(await deck.deployments.update(ANNA, "wine", wish))
    token = deck.deployments.token(ANNA, "wine").token
    assert holds(token, "wine", signing_key().public_key(), at=deck.clock())
    with pytest.raises(NotPermitted):
        deck.deployments.token(RITA, "wine")


async def test_a_front_end_of_its_own_is_sealed_and_opened_again(deck: Deck) -> None:
    authority = hierarchy()
    deck.clock.now = authority.now
    made = await deck.deploy()
    on = await deck.deployments.update(ANNA, "wine", Wish(made, None, own(authority)))
    await deck.done(on)
    assert deck.deployments.find("wine").tls.host == HOST
    assert deck.by_name.find(HOST) is not None
    assert (await deck.restarted()).by_name.find(HOST) is not None
    off = await deck.deployments.update(
        ANNA, "wine", Wish(deck.deployments.find("wine"), None, OFF)
    )
    await deck.done(off)
    assert deck.by_name.find(HOST) is None


async def test_plain_http_is_warned_of(deck: Deck) -> None:
    await deck.deploy()
    assert "without TLS" in deck.journal.tail("wine", 10)


async def test_packages_that_nobody_installs_are_warned_of(deck: Deck) -> None:
    sources = replace(await deck.sources(), left_out=("scikit-learn>=1",))
    wish = Wish(deck.deployment(), sources, OFF)
    await deck.done(await deck.deployments.create(ANNA, wish))
    assert "conda are not installed here (scikit-learn>=1)" in deck.journal.tail("wine", 10)
    await deck.deploy("beer")
    assert "conda" not in deck.journal.tail("beer", 10)


async def test_what_is_on_a_compute_is_told(deck: Deck) -> None:
    await deck.create()
    await deck.deploy(compute="cluster")
    await deck.deploy("beer")
    assert deck.deployments.on_compute("cluster") == ["wine"]
    assert [one.kind for one in deck.deployments.all()] == [DeploymentKind.ACI, DeploymentKind.AKS]


@pytest.mark.parametrize(
    "sources",
    [
        Sources((), (), {}),
        Sources((), (), {"AZUREML_ENTRY_SCRIPT": "none.py"}),
        Sources((Source("LocalUpload/none"),), (), {"AZUREML_ENTRY_SCRIPT": "score.py"}),
        Sources((), ("none:1",), {"AZUREML_ENTRY_SCRIPT": "score.py"}),
    ],
)
async def test_what_is_not_there_is_not_deployed(deck: Deck, sources: Sources) -> None:
    wish = Wish(deck.deployment(), sources, OFF)
    ended = await deck.ended(await deck.deployments.create(ANNA, wish))
    assert ended.state is OperationState.FAILED
    assert deck.deployments.find("wine").state is DeploymentState.FAILED


async def test_one_that_the_end_of_the_node_cut_short_says_so(deck: Deck) -> None:
    wish = Wish(deck.deployment(), await deck.sources(), OFF)
    begun = await deck.deployments.create(ANNA, wish)
    again = await deck.restarted()
    assert again.deployments.find("wine").state is DeploymentState.FAILED
    await deck.ended(begun)
