"""PostgreSQL as the database that several web nodes share.

Changes are made one after the other, as SQLite makes them, across all nodes: each transaction
begins with one lock of the whole database.  So what `write` is given means the same on both, and
is hardly ever run again because two of them met.

A server that is silent must not silence the node.  Every statement has a limit on the server;
should that not answer at all, the connection is cut, and whoever waits is told.  What was lost is
made anew at the next use.  Passwords and connection strings appear in no text here.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Generic, TypeVar

import psycopg

from hermetic.database.connection_string import ConnectionParameters
from hermetic.database.database import Row, Transaction, Value
from hermetic.database.postgresql_connection import OLDEST, Begun, Limits, PostgresConnection
from hermetic.database.postgresql_errors import RETRIED, error_of, lost_beyond_knowing, too_slow
from hermetic.database.schema import Migration, shipped, step
from hermetic.errors import BadConfiguration, HermeticError, Unavailable
from hermetic.log import logger

T = TypeVar("T")

log = logger(__name__)

READERS = 4  # with the writer five of the hundred connections a server has unless told otherwise
TRIES = 5  # of a transaction that lost against one of an administrator, say
ASKING_S = 0.1  # between two questions after the outcome of a change


class PostgresDatabase:
    """A database of a PostgreSQL server, 13 or newer."""

    def __init__(
        self,
        where: ConnectionParameters,
        *,
        migrations: Sequence[Migration] | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.where = where
        self._migrations = shipped() if migrations is None else tuple(migrations)
        self._limits = limits or Limits()
        connect = partial(PostgresConnection, where, self._limits)
        self._writer = _Threads(1, "database-write", connect)
        self._readers = _Threads(READERS, "database-read", connect)

    async def open(self) -> None:
        """Connect, check the server, and bring the tables up to date.

        Of several nodes that open the same database at once, one does the latter.
        """
        try:
            await self._in(self._writer, self._prepare, self._limits.migration)
        except HermeticError:
            await self.close()
            raise

    async def close(self) -> None:
        """Let what is under way end, then disconnect."""
        for threads in (self._readers, self._writer):
            await asyncio.to_thread(threads.shut)

    async def read(self, sql: str, parameters: Sequence[Value] = ()) -> list[Row]:
        """Return what a query answers."""
        return await self._in(
            self._readers,
            lambda connection: _twice(connection, partial(connection.rows, sql, parameters)),
            self._limits.answer,
        )

    async def write(self, change: Callable[[Transaction], T]) -> T:
        """Run *change* as one transaction; the server has kept it when this returns."""
        return await self._in(
            self._writer,
            lambda connection: self._transact(connection, change),
            self._limits.answer,
        )

    async def _in(
        self, threads: "_Threads", work: Callable[[PostgresConnection], T], patience_s: float
    ) -> T:
        try:
            return await threads.run(_Turn(work, patience_s, self.where))
        except psycopg.Error as error:
            # The cause is told in it; its details, and a trace of it, may quote what was kept.
            raise _told(self.where, error) from None

    def _prepare(self, connection: PostgresConnection) -> None:
        (server,) = connection.rows(
            "SELECT CAST(current_setting('server_version_num') AS INTEGER) AS version,"
            " current_setting('server_version') AS name,"
            " current_setting('server_encoding') AS encoding"
        )
        if server["version"] < OLDEST * 10_000:
            raise BadConfiguration(
                f"The database {self.where.place} is PostgreSQL {server['name']}: version {OLDEST}"
                " is the oldest that will do."
            )
        if server["encoding"] != "UTF8":
            raise BadConfiguration(
                f"The database {self.where.place} keeps text as {server['encoding']}: make one by"
                " CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0."
            )
        take_step = partial(step, known=self._migrations)
        while taken := self._transact(connection, take_step, limit=self._limits.migration):
            log.info("database.migrated", version=taken.version, name=taken.name)

    def _transact(
        self,
        connection: PostgresConnection,
        change: Callable[[Transaction], T],
        *,
        limit: float | None = None,
    ) -> T:
        for _ in range(TRIES - 1):
            try:
                return self._attempt(connection, change, limit)
            except psycopg.OperationalError as error:
                if error.sqlstate not in RETRIED:
                    raise
        return self._attempt(connection, change, limit)

    def _attempt(
        self,
        connection: PostgresConnection,
        change: Callable[[Transaction], T],
        limit: float | None,
    ) -> T:
        begun = _twice(connection, partial(connection.begin, limit=limit))
        try:
            result = change(connection)
        except BaseException:
            connection.roll_back()
            raise
        try:
            connection.commit()
        except psycopg.OperationalError:
            # Lost between the asking and the answer, so it may have been kept all the same.
            if connection.is_open or not self._was_kept(connection, begun):
                raise
        return result

    def _was_kept(self, connection: PostgresConnection, begun: Begun) -> bool:
        """Ask the server, over a new connection, what became of a transaction."""
        log.warning("database.asking-after-a-change", transaction=begun.xid)
        deadline = time.monotonic() + self._limits.outcome
        while time.monotonic() < deadline:
            try:
                (row,) = connection.rows(
                    "SELECT pg_xact_status(CAST(? AS xid8)) AS status", (begun.xid,)
                )
                if row["status"] != "in progress":
                    return bool(row["status"] == "committed")
                # It has not noticed yet that we are gone, and may never.
                connection.rows("SELECT pg_terminate_backend(?)", (begun.process,))
            except (psycopg.Error, HermeticError):
                continue
            finally:
                time.sleep(ASKING_S)
        raise lost_beyond_knowing(self.where)


class _Turn(Generic[T]):
    """One piece of work for a thread, whose connection is cut when it takes too long."""

    def __init__(
        self,
        work: Callable[[PostgresConnection], T],
        patience_s: float,
        where: ConnectionParameters,
    ) -> None:
        self._work, self._patience_s, self._where = work, patience_s, where
        self._lock = threading.Lock()
        self._connection: PostgresConnection | None = None
        self._is_late = self._is_over = False
        self._watch: asyncio.TimerHandle | None = None

    def run(self, connection: PostgresConnection) -> T:
        with self._lock:
            if self._is_late:
                raise too_slow(self._where)
            self._connection = connection
        try:
            return self._work(connection)
        except psycopg.Error:
            if self._is_late:
                raise too_slow(self._where) from None
            raise
        finally:
            # Under the lock, so that the next turn's connection is never cut for this one's sake.
            with self._lock:
                self._connection, self._is_over = None, True

    def watch(self) -> None:
        """Cut the connection once the patience is over, and again should that not help."""
        loop = asyncio.get_running_loop()
        self._watch = loop.call_later(self._patience_s, self._expire)

    def unwatch(self) -> None:
        if self._watch is not None:
            self._watch.cancel()

    def _expire(self) -> None:
        with self._lock:
            self._is_late = True
            if self._connection is not None:
                self._connection.sever()
            if self._is_over:
                return
        self.watch()


class _Threads:
    """Threads that take turns, each with a connection of its own."""

    def __init__(self, many: int, name: str, connect: Callable[[], PostgresConnection]) -> None:
        self._executor = ThreadPoolExecutor(many, thread_name_prefix=name)
        self._connect = connect
        self._own = threading.local()
        self._connections: list[PostgresConnection] = []

    async def run(self, turn: _Turn[T]) -> T:
        try:
            under_way = self._executor.submit(self._take, turn)
        except RuntimeError as error:  # the executor's word for having been shut down
            raise Unavailable("The database is closed: the node is stopping.") from error
        turn.watch()
        try:
            return await asyncio.wrap_future(under_way)
        finally:
            # A caller who was cancelled leaves behind what has begun, and that is watched on.
            if under_way.cancel() or under_way.done():
                turn.unwatch()

    def shut(self) -> None:
        self._executor.shutdown(wait=True)
        while self._connections:
            self._connections.pop().close()

    def _take(self, turn: _Turn[T]) -> T:
        connection: PostgresConnection | None = getattr(self._own, "connection", None)
        if connection is None:
            connection = self._own.connection = self._connect()
            self._connections.append(connection)
        return turn.run(connection)


def _twice(connection: PostgresConnection, work: Callable[[], T]) -> T:
    """Return what *work* does, on a new connection if the present one was lost while idle."""
    was_open = connection.is_open
    try:
        return work()
    except psycopg.OperationalError:
        if not was_open or connection.is_open or connection.was_severed:
            raise
        log.info("database.reconnecting")
    return work()


def _told(where: ConnectionParameters, error: psycopg.Error) -> HermeticError:
    # The library refuses some values before the server sees them, and gives that no code.
    code = error.sqlstate or ("22000" if isinstance(error, psycopg.DataError) else None)
    told = error_of(where, code, str(error))
    if type(told) is HermeticError:
        log.error("database.failed", cause=told.text, code=error.sqlstate)
    elif isinstance(told, Unavailable):
        log.warning("database.unavailable", cause=told.text, code=error.sqlstate)
    return told
