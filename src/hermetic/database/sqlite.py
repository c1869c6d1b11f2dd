"""SQLite as the database of one box.

One thread writes, a few read, none of them the event loop's.  A write is on the disk when it is
acknowledged (WAL with `synchronous=FULL`); readers never wait for it.
"""

import asyncio
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

from hermetic.database.database import Row, Transaction, Value
from hermetic.database.schema import Migration, shipped, step
from hermetic.errors import (
    BadConfiguration,
    Conflict,
    HermeticError,
    StorageFull,
    Unavailable,
)
from hermetic.log import logger

T = TypeVar("T")

log = logger(__name__)

READERS = 2  # a machine of the size SQLite is for has two cores; more would only queue on the disk
BUSY_TIMEOUT_S = 5.0  # only a backup or somebody's shell can hold the lock; neither does for long

# A full disk shows as the first, a full quota as a failed write, and where the shared index
# of the log cannot grow as the last.
_FULL = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR_WRITE,
    sqlite3.SQLITE_IOERR_FSYNC,
    sqlite3.SQLITE_IOERR_SHMSIZE,
}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_WAITING = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


class SqliteDatabase:
    """A database in one file (and the two SQLite keeps beside it while it is open)."""

    def __init__(self, path: Path, *, migrations: Sequence[Migration] | None = None) -> None:
        self.path = path
        self._migrations = shipped() if migrations is None else tuple(migrations)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="database-write")
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="database-read")
        self._own = threading.local()
        self._connections: list[sqlite3.Connection] = []

    async def open(self) -> None:
        """Create or open the file, check it, and bring its tables up to date."""
        try:
            await self._in(self._writer, self._prepare)
        except HermeticError:
            await self.close()
            raise

    async def close(self) -> None:
        """Let what is under way end, then close the file."""
        await asyncio.to_thread(self._shut)

    async def read(self, sql: str, parameters: Sequence[Value] = ()) -> list[Row]:
        """Return what a query answers."""
        return await self._in(self._readers, lambda: self._query(sql, parameters))

    async def write(self, change: Callable[[Transaction], T]) -> T:
        """Run *change* as one transaction; it is on the disk when this returns."""
        return await self._in(self._writer, lambda: self._transact(change))

    async def _in(self, threads: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        try:
            under_way = asyncio.get_running_loop().run_in_executor(threads, work)
        except RuntimeError as error:  # the executor's word for having been shut down
            raise Unavailable("The database is closed: the node is stopping.") from error
        return await under_way

    def _prepare(self) -> None:
        _create_private(self.path)
        with _translated(self.path):
            connection = self._connection()
            damage = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            if damage != "ok":
                raise _damaged(self.path, str(damage))
            connection.execute("PRAGMA journal_mode=WAL")
        take_step = partial(step, known=self._migrations)
        while taken := self._transact(take_step):
            log.info("database.migrated", version=taken.version, name=taken.name)

    def _transact(self, change: Callable[[Transaction], T]) -> T:
        with _translated(self.path):
            connection = self._connection()
            # Taking the lock at once, since a reader that turns writer half-way may be refused.
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = change(_SqliteTransaction(connection))
                connection.execute("COMMIT")
            except BaseException:
                # A full disk may have ended the transaction already.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        return result

    def _query(self, sql: str, parameters: Sequence[Value]) -> list[Row]:
        with _translated(self.path):
            connection = self._connection()
            return list(connection.execute(sql, tuple(parameters)))

    def _connection(self) -> sqlite3.Connection:
        """Return the connection of this thread."""
        connection: sqlite3.Connection | None = getattr(self._own, "connection", None)
        if connection is None:
            connection = sqlite3.connect(
                self.path,
                timeout=BUSY_TIMEOUT_S,
                isolation_level=None,
                check_same_thread=False,  # closed by whoever closes the database
            )
            self._connections.append(connection)
            self._own.connection = connection
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA foreign_keys=ON")
        return connection

    def _shut(self) -> None:
        self._readers.shutdown(wait=True)
        self._writer.shutdown(wait=True)
        while self._connections:
            # The last one to be closed is the writer's, which then folds the log into the file.
            self._connections.pop().close()


class _SqliteTransaction:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rows(self, sql: str, parameters: Sequence[Value] = ()) -> list[Row]:
        return list(self._connection.execute(sql, tuple(parameters)))

    def change(self, sql: str, parameters: Sequence[Value] = ()) -> int:
        try:
            return self._connection.execute(sql, tuple(parameters)).rowcount
        except sqlite3.IntegrityError as error:
            raise Conflict(f"It collides with what is stored already ({error}).") from error


def _create_private(path: Path) -> None:
    """Make the file before SQLite does, so that it never has other rights than ours.

    The files SQLite puts beside it take over its rights.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            os.fchmod(descriptor, 0o600)
        finally:
            os.close(descriptor)
        _keep_name(path.parent)
    except OSError as error:
        raise BadConfiguration(
            f"The database {path} cannot be opened ({error.strerror}): it must be a file that"
            " belongs to the user who runs this command."
        ) from error


def _keep_name(folder: Path) -> None:
    """Write down the folder itself: the name of a new file is part of it, not of the file."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise _error(path, error) from error


def _error(path: Path, error: sqlite3.DatabaseError) -> HermeticError:
    # The low byte is the kind, the whole number the exact place (sqlite.org/rescode.html).
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    if code in _FULL or code & 0xFF in _FULL:
        return StorageFull(
            f"There is no room for the database {path}; nothing was changed. Free some space."
        )
    if code & 0xFF in _DAMAGED:
        return _damaged(path, str(error))
    if code & 0xFF in _WAITING:
        return Unavailable(
            f"Another program holds the database {path}: close it, then try again.", retry_after_s=5
        )
    log.error("database.failed", path=str(path), cause=str(error), code=code)
    return HermeticError(f"The database {path} failed: {error}.")


def _damaged(path: Path, cause: str) -> BadConfiguration:
    return BadConfiguration(
        f"The database {path} is damaged ({cause}): restore it from a copy, or move it away"
        " to begin with an empty one."
    )
