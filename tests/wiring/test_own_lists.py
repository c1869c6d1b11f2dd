"""A home believes what its own authority took back, and goes on when its database does not answer."""

import asyncio
from contextlib import suppress

from structlog.testing import capture_logs

from hermetic.clock import system_clock
from hermetic.config.home import Home
from hermetic.database.sqlite import SqliteDatabase
from hermetic.wiring.certifying import certifier
from hermetic.wiring.own import own_authority
from tests.support.tokens import signing_key
from tests.support.waiting import until


async def test_a_database_that_is_away_ends_nothing(home: Home) -> None:
    database = SqliteDatabase(home.database)
    await database.open()
    authority = own_authority(home, system_clock)
    _, lists = certifier(home, authority, database, signing_key(), system_clock)
    await database.close()
    with capture_logs() as events:
        running = asyncio.create_task(lists.run())
        await until(lambda: any(one["event"] == "authority.lists_not_kept" for one in events))
        assert not running.done()
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
