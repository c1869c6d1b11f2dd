import asyncio
import random
import threading
from collections.abc import AsyncIterator, Iterator

import pytest

from hermetic.database.connection_string import ConnectionParameters
from hermetic.database.database import Transaction
from hermetic.database.postgresql import TRIES, PostgresDatabase
from hermetic.database.postgresql_connection import Limits
from hermetic.errors import (
    BadConfiguration,
    BadInput,
    Busy,
    HermeticError,
    StorageFull,
    Unavailable,
)
from tests.database.conftest import NOTES
from tests.support.postgresql import PASSWORD, STRANGER, Alone, Cluster
from tests.support.relay import Loss, Relay, relayed

DEADLINE_S = 30

Relayed = tuple[PostgresDatabase, Relay]


def note(transaction: Transaction) -> None:
    transaction.change("INSERT INTO notes (id, text) VALUES (1, 'one')")


async def count(database: PostgresDatabase) -> int:
    rows = await database.read("SELECT COUNT(*) AS many FROM notes")
    many: int = rows[0]["many"]
    return many


@pytest.fixture
async def database(reach: ConnectionParameters) -> AsyncIterator[PostgresDatabase]:
    database = PostgresDatabase(reach, migrations=[NOTES])
    await database.open()
    yield database
    await database.close()


@pytest.fixture
async def relay(
    postgresql: Cluster, reach: ConnectionParameters
) -> AsyncIterator[tuple[Relay, PostgresDatabase]]:
    async with relayed(postgresql, reach) as (relay, where):
        limits = Limits(answer=0.5, outcome=0.5)
        database = PostgresDatabase(where, migrations=[NOTES], limits=limits)
        await database.open()
        yield relay, database
        await database.close()


@pytest.fixture
def alone() -> Iterator[Alone]:
    alone = Alone()
    yield alone
    alone.remove()


@pytest.fixture
def small() -> Iterator[ConnectionParameters]:
    """A database whose files cannot grow beyond a size, as on a disk that is full."""
    # More than a segment of the log, and in the middle of a block.
    alone = Alone(largest_file=20 * 1024 * 1024 + 100)
    with alone.cluster.database() as reach:
        yield reach
    alone.remove()


def end_all(cluster: Cluster, database: PostgresDatabase) -> None:
    """End every connection to *database* on the server."""
    name = database.where.database
    cluster.administer(
        f"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '{name}'"
    )


async def test_a_connection_lost_while_idle_is_made_anew_unseen(
    database: PostgresDatabase, postgresql: Cluster
) -> None:
    assert await count(database) == 0
    end_all(postgresql, database)
    await database.write(note)
    assert await count(database) == 1


async def test_a_connection_lost_within_a_change_undoes_it(
    database: PostgresDatabase, postgresql: Cluster
) -> None:
    def change(transaction: Transaction) -> None:
        note(transaction)
        end_all(postgresql, database)
        transaction.rows("SELECT 1")

    with pytest.raises(Unavailable, match=r"was lost .* nothing was changed, so try again"):
        await database.write(change)
    assert await count(database) == 0
    await database.write(note)


async def test_a_change_that_was_kept_unheard_is_known_to_be(
    relay: tuple[Relay, PostgresDatabase],
) -> None:
    relay[0].loss = Loss.AFTER
    await relay[1].write(note)
    assert await count(relay[1]) == 1


@pytest.mark.parametrize("loss", [Loss.BEFORE, Loss.UNNOTICED])
async def test_a_change_that_was_not_kept_is_known_not_to_be(
    relay: tuple[Relay, PostgresDatabase], loss: Loss
) -> None:
    relay[0].loss = loss
    with pytest.raises(Unavailable, match="nothing was changed"):
        await relay[1].write(note)
    assert await count(relay[1]) == 0
    await relay[1].write(note)


async def test_a_change_of_which_nobody_can_be_asked_is_not_called_unchanged(
    relay: tuple[Relay, PostgresDatabase],
) -> None:
    relay[0].loss, relay[0].is_final = Loss.AFTER, True
    with pytest.raises(Unavailable, match="cannot be asked whether it was: look before you try"):
        await relay[1].write(note)


async def test_a_silent_server_does_not_silence_the_node(
    relay: tuple[Relay, PostgresDatabase],
) -> None:
    assert await count(relay[1]) == 0
    relay[0].answers.clear()
    relay[0].refuse()  # to connect anew would take longer to fail
    asked = [count(relay[1]), *(relay[1].write(note) for _ in range(10))]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert {type(answer) for answer in answers} == {Unavailable}
    assert sum("does not answer in time" in str(answer) for answer in answers) >= 2


async def test_a_server_that_speaks_again_is_heard(relay: tuple[Relay, PostgresDatabase]) -> None:
    relay[0].answers.clear()
    with pytest.raises(Unavailable, match="does not answer in time"):
        await relay[1].write(note)
    relay[0].answers.set()
    await relay[1].write(lambda transaction: transaction.rows("SELECT 1"))


async def test_what_a_cancelled_caller_left_behind_is_cut_all_the_same(
    relay: tuple[Relay, PostgresDatabase],
) -> None:
    begun, silent = threading.Event(), threading.Event()

    def change(transaction: Transaction) -> None:
        begun.set()
        silent.wait(DEADLINE_S)
        note(transaction)

    writing = asyncio.ensure_future(relay[1].write(change))
    await asyncio.to_thread(begun.wait, DEADLINE_S)
    relay[0].answers.clear()
    relay[0].refuse()
    silent.set()
    writing.cancel()
    with pytest.raises(Unavailable):
        await asyncio.wait_for(relay[1].write(note), DEADLINE_S)


async def test_a_statement_has_a_limit(reach: ConnectionParameters) -> None:
    database = PostgresDatabase(reach, migrations=[NOTES], limits=Limits(statement=0.1))
    await database.open()
    with pytest.raises(Unavailable, match="does not answer in time"):
        await database.read("SELECT pg_sleep(60)")
    with pytest.raises(Unavailable, match="does not answer in time"):
        await database.write(lambda transaction: transaction.rows("SELECT pg_sleep(60)"))
    await database.close()


async def test_a_node_that_stands_still_within_a_change_holds_nobody_up(
    reach: ConnectionParameters, database: PostgresDatabase
) -> None:
    still = PostgresDatabase(reach, migrations=[NOTES], limits=Limits(idle_change=0.1))
    await still.open()
    begun, done = threading.Event(), threading.Event()

    def change(transaction: Transaction) -> None:
        note(transaction)
        begun.set()
        done.wait(DEADLINE_S)

    standing = asyncio.ensure_future(still.write(change))
    await asyncio.to_thread(begun.wait, DEADLINE_S)
    await asyncio.wait_for(database.write(note), DEADLINE_S)
    done.set()
    with pytest.raises(Unavailable):
        await standing
    await still.close()


async def test_changes_of_two_nodes_are_made_one_after_the_other(
    reach: ConnectionParameters, database: PostgresDatabase
) -> None:
    other = PostgresDatabase(reach, migrations=[NOTES])
    await other.open()

    def count_and_add(transaction: Transaction) -> int:
        many: int = transaction.rows("SELECT COUNT(*) AS many FROM notes")[0]["many"]
        transaction.change("INSERT INTO notes (id) VALUES (?)", (many,))
        return many

    seen = await asyncio.gather(*(one.write(count_and_add) for one in [database, other] * 10))
    assert sorted(seen) == list(range(20))
    await other.close()


@pytest.mark.parametrize(
    ("code", "kind"),
    [("53100", StorageFull), ("42501", BadConfiguration), ("XX000", HermeticError)],
)
async def test_what_the_server_cannot_do_is_told_and_changes_nothing(
    database: PostgresDatabase, code: str, kind: type[HermeticError]
) -> None:
    def change(transaction: Transaction) -> None:
        note(transaction)
        transaction.change(f"DO $$ BEGIN RAISE 'no' USING ERRCODE = '{code}'; END $$")

    with pytest.raises(HermeticError) as caught:
        await database.write(change)
    assert type(caught.value) is kind
    assert await count(database) == 0
    await database.write(note)


@pytest.mark.parametrize("failures", [1, TRIES - 1, TRIES])
async def test_a_change_that_lost_against_another_is_made_again(
    database: PostgresDatabase, failures: int
) -> None:
    left = iter(range(failures))

    def change(transaction: Transaction) -> None:
        note(transaction)
        if next(left, None) is not None:
            transaction.change("DO $$ BEGIN RAISE 'no' USING ERRCODE = '40001'; END $$")

    if failures == TRIES:
        with pytest.raises(Busy, match="try again"):
            await database.write(change)
    else:
        await database.write(change)
    assert await count(database) == (failures < TRIES)


async def test_text_that_cannot_be_kept_is_the_callers_to_mend(database: PostgresDatabase) -> None:
    with pytest.raises(BadInput, match="NUL"):
        await database.read("SELECT * FROM notes WHERE text = ?", ("a\0b",))


async def test_a_standby_is_told_from_a_mistake(
    database: PostgresDatabase, postgresql: Cluster
) -> None:
    name = database.where.database
    postgresql.administer(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    end_all(postgresql, database)
    with pytest.raises(Unavailable, match=r"takes no changes .* name its primary"):
        await database.write(note)
    assert await count(database) == 0


async def test_who_may_make_no_tables_is_told_whom_to_ask(
    postgresql: Cluster, reach: ConnectionParameters
) -> None:
    database = PostgresDatabase(postgresql.reach(reach.database, user=STRANGER))
    with pytest.raises(BadConfiguration, match="making it the owner") as caught:
        await database.open()
    assert PASSWORD not in f"{caught.value!r}{database.where!r}"


async def test_a_database_of_another_encoding_is_refused(postgresql: Cluster) -> None:
    with (
        postgresql.database("ENCODING 'SQL_ASCII' TEMPLATE template0") as reach,
        pytest.raises(BadConfiguration, match="keeps text as SQL_ASCII: make one"),
    ):
        await PostgresDatabase(reach).open()


async def test_a_server_too_old_is_refused(
    reach: ConnectionParameters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hermetic.database.postgresql.OLDEST", 99)
    with pytest.raises(BadConfiguration, match="version 99 is the oldest that will do"):
        await PostgresDatabase(reach).open()


@pytest.mark.slow
async def test_a_disk_that_is_full_is_told_and_changes_nothing(small: ConnectionParameters) -> None:
    def fill(transaction: Transaction) -> None:
        for number in range(20):
            text = random.Random(number).randbytes(2_000_000).hex()
            transaction.change("INSERT INTO notes (id, text) VALUES (?, ?)", (number, text))

    database = PostgresDatabase(small, migrations=[NOTES])
    await database.open()
    with pytest.raises(StorageFull, match="Free some space on its server"):
        await database.write(fill)
    assert await count(database) == 0
    await database.write(note)
    assert await count(database) == 1
    await database.close()


@pytest.mark.slow
async def test_a_restart_of_the_server_is_survived(alone: Alone) -> None:
    with alone.cluster.database() as reach:
        database = PostgresDatabase(reach, migrations=[NOTES])
        await database.open()
        await asyncio.to_thread(alone.stop)
        with pytest.raises(Unavailable, match="see that its server runs"):
            await count(database)
        with pytest.raises(Unavailable, match="see that its server runs"):
            await database.write(note)
        await asyncio.to_thread(alone.start)
        await database.write(note)
        assert await count(database) == 1
        await database.close()
