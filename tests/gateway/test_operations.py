"""Operations: one at a time of each resource, and a history that can be read."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from hermetic.errors import BadInput, CertificateRejected, Conflict, HermeticError
from hermetic.gateway.operations import OperationState, Tell, code_of
from tests.support.deploying import Deck, deck_in


@pytest.fixture
async def deck(tmp_path: Path) -> AsyncIterator[Deck]:
    async with deck_in(tmp_path) as deck:
        yield deck


async def nothing(tell: Tell) -> None:
    tell("It was easy.")


async def test_an_operation_ends_with_its_history(deck: Deck) -> None:
    found = await deck.ended(await deck.operations.begin("Create", "service/a", nothing))
    assert found.state is OperationState.SUCCEEDED
    assert [line for _, line in found.log] == ["It was easy."]
    assert found.ended_at is not None


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        (BadInput("No."), "BadInput", 400),
        (CertificateRejected("expired", "No."), "expired", 400),
        (Conflict("No."), "Conflict", 409),
    ],
)
async def test_one_that_fails_says_why(
    deck: Deck, error: HermeticError, code: str, status: int
) -> None:
    async def failing(tell: Tell) -> None:
        raise error

    found = await deck.ended(await deck.operations.begin("Create", "service/a", failing))
    assert found.state is OperationState.FAILED
    assert found.failure is not None
    assert (found.failure.code, found.failure.status) == (code, status) == (code_of(error), status)
    assert found.failure.message == "No."


async def test_of_one_resource_one_runs_at_a_time(deck: Deck) -> None:
    gate = asyncio.Event()

    async def waiting(tell: Tell) -> None:
        await gate.wait()

    begun = await deck.operations.begin("Create", "service/a", waiting)
    assert deck.operations.is_busy("service/a")
    with pytest.raises(Conflict, match=begun.id):
        await deck.operations.begin("Delete", "service/a", nothing)
    await deck.ended(await deck.operations.begin("Create", "service/b", nothing))
    running = await deck.operations.find(begun.id)
    assert running is not None
    assert running.state is OperationState.RUNNING
    gate.set()
    await deck.done(begun)
    await deck.done(await deck.operations.begin("Delete", "service/a", nothing))


async def test_what_the_end_of_the_node_cut_short_has_failed(deck: Deck) -> None:
    gate = asyncio.Event()

    async def waiting(tell: Tell) -> None:
        await gate.wait()

    begun = await deck.operations.begin("Create", "service/a", waiting)
    again = await deck.restarted()
    found = await again.operations.find(begun.id)
    assert found is not None
    assert found.state is OperationState.FAILED
    assert found.failure is not None
    assert found.failure.code == "NodeStopped"
    assert not again.operations.is_busy("service/a")
    gate.set()


async def test_after_a_week_it_is_forgotten(deck: Deck) -> None:
    begun = await deck.operations.begin("Create", "service/a", nothing)
    await deck.done(begun)
    deck.clock.advance(timedelta(days=6))
    assert await (await deck.restarted()).operations.find(begun.id)
    deck.clock.advance(timedelta(days=2))
    assert await (await deck.restarted()).operations.find(begun.id) is None


async def test_a_stop_waits_for_what_ends_and_cuts_short_what_does_not(deck: Deck) -> None:
    gate = asyncio.Event()

    async def ending(tell: Tell) -> None:
        await gate.wait()

    async def waiting(tell: Tell) -> None:
        await asyncio.Event().wait()

    begun = [
        await deck.operations.begin("Create", "service/a", ending),
        await deck.operations.begin("Create", "service/b", waiting),
    ]
    asyncio.get_running_loop().call_soon(gate.set)
    await deck.operations.stop(within_s=0.2)
    ended = [await deck.operations.find(one.id) for one in begun]
    assert [one.state for one in ended if one] == [OperationState.SUCCEEDED, OperationState.FAILED]
    assert ended[1] is not None
    assert ended[1].failure is not None
    assert ended[1].failure.code == "NodeStopped"
