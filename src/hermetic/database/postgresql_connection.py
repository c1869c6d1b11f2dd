"""One connection to PostgreSQL, made when it is needed and made anew when it was lost.

The one place that knows how `psycopg` is told things.  What it says to a statement is raised as
it is; `PostgresDatabase` has the words for it.  A connection is used by one thread at a time, but
for `sever`, which any may call.
"""

import os
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from hermetic.database.connection_string import ConnectionParameters
from hermetic.database.database import Row, Value
from hermetic.database.dialect import for_postgresql
from hermetic.database.postgresql_errors import error_of
from hermetic.errors import BadConfiguration, Conflict

OLDEST = 13  # the first with `pg_current_xact_id`; the last release without it ended in 2024

_LOCK = int.from_bytes(b"hermetic", "big")  # of this database alone; any number would do

_SYSTEM_AUTHORITIES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Alpine
    "/etc/pki/tls/certs/ca-bundle.crt",  # Red Hat
    "/etc/ssl/ca-bundle.pem",  # SUSE
)


@dataclass(frozen=True)
class Limits:
    """How long things may take, in seconds."""

    connecting: float = 5  # for each address of the host; less than 2 is taken for 2
    statement: float = 10
    idle_change: float = 10  # a node that stands still in mid-change holds up all others
    answer: float = 15  # all in all, the wait for a turn included; more than a statement may take
    outcome: float = 10  # to ask what became of a change whose acknowledgement was lost
    migration: float = 600


@dataclass(frozen=True)
class Begun:
    """A transaction that has begun: its id in the server, and the process there that runs it."""

    xid: str
    process: int


class PostgresConnection:
    """A connection to the database at *where*."""

    def __init__(self, where: ConnectionParameters, limits: Limits) -> None:
        self._where = where
        self._limits = limits
        self._lock = threading.Lock()
        self._connection: psycopg.Connection[dict[str, Any]] | None = None
        self._socket: socket.socket | None = None
        self.was_severed = False
        """Whether it was not lost but cut."""
        self._is_saved = False  # whether nothing was changed since the last savepoint

    @property
    def is_open(self) -> bool:
        """Whether it was made, and not lost as far as anyone knows."""
        return self._connection is not None and not self._connection.closed

    def rows(self, sql: str, parameters: Sequence[Value] = ()) -> list[Row]:
        """Return what a query answers."""
        cursor = self._run(sql, parameters)
        self._is_saved = self._is_saved and sql.lstrip()[:6].upper() == "SELECT"
        return list(cursor.fetchall()) if cursor.description else []

    def change(self, sql: str, parameters: Sequence[Value] = ()) -> int:
        """Run a statement within a transaction and return how many rows it changed.

        Raises:
            Conflict: A row would collide; the transaction is as it was before.
        """
        # An error spoils the whole transaction here, but not what came before a savepoint.
        if not self._is_saved:
            self._opened().execute("RELEASE SAVEPOINT change; SAVEPOINT change")
            self._is_saved = True
        try:
            cursor = self._run(sql, parameters)
        except psycopg.IntegrityError as error:
            self._opened().execute("ROLLBACK TO SAVEPOINT change")
            # Not the details, which quote the row.
            cause = error.diag.message_primary
            raise Conflict(f"It collides with what is stored already ({cause}).") from None
        self._is_saved = False
        return cursor.rowcount

    def begin(self, *, limit: float | None = None) -> Begun:
        """Begin a transaction, once no other node is in one; a statement may take *limit*."""
        connection = self._opened()
        # What is committed before the lock is had must be seen: so each statement sees the
        # newest, which is safe since nobody else changes anything meanwhile.
        cursor = connection.execute(
            "BEGIN ISOLATION LEVEL READ COMMITTED;"
            f" SET LOCAL statement_timeout = {_milliseconds(limit or self._limits.statement)};"
            f" SELECT pg_advisory_xact_lock({_LOCK});"
            " SAVEPOINT change;"
            " SELECT CAST(pg_current_xact_id() AS TEXT) AS xid"
        )
        while cursor.nextset():
            pass
        (row,) = cursor.fetchall()
        self._is_saved = True
        return Begun(row["xid"], connection.info.backend_pid)

    def commit(self) -> None:
        """End the transaction and keep what it changed."""
        self._opened().execute("COMMIT")

    def roll_back(self) -> None:
        """End the transaction, if it is under way, and forget what it changed."""
        if self._connection is not None and self.is_open:
            try:
                self._connection.execute("ROLLBACK")
            except psycopg.Error:
                self.close()  # which the server takes for the same

    def sever(self) -> None:
        """Cut the connection under whoever waits for it, so that they are told at once."""
        with self._lock:
            if self._socket is not None:
                self.was_severed = True
                with suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Disconnect; the next use connects again."""
        with self._lock:
            if self._socket is not None:
                self._socket.close()
            self._socket = None
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _run(self, sql: str, parameters: Sequence[Value]) -> psycopg.Cursor[dict[str, Any]]:
        cursor = psycopg.RawCursor(self._opened())
        return cursor.execute(for_postgresql(sql).encode(), tuple(parameters), binary=True)

    def _opened(self) -> psycopg.Connection[dict[str, Any]]:
        if self._connection is None or self._connection.closed:
            self.close()
            connection = self._connection = self._connected()
            with self._lock:
                # A number of our own for it, which nobody reuses while we may still shut it.
                self._socket = socket.socket(fileno=os.dup(connection.fileno()))
                self.was_severed = False
            connection.execute(self._manners())
        return self._connection

    def _connected(self) -> psycopg.Connection[dict[str, Any]]:
        where = self._where
        sealing: dict[str, Any] = dict(_sealing(where))
        try:
            return psycopg.Connection[dict[str, Any]].connect(
                host=where.host,
                port=where.port,
                dbname=where.database,
                user=where.user,
                password=where.password,
                **sealing,
                application_name="hermetic",
                client_encoding="utf8",
                connect_timeout=max(1, round(self._limits.connecting)),
                gssencmode="disable",
                keepalives_idle=30,
                keepalives_interval=10,
                keepalives_count=3,
                autocommit=True,
                # A prepared `SELECT *` fails once a newer node has added a column.
                prepare_threshold=None,
                row_factory=dict_row,
            )
        except psycopg.Error as error:
            raise error_of(where, error.sqlstate, str(error), is_connecting=True) from None

    def _manners(self) -> str:
        """Return what makes a session of the server's behave, whatever its defaults are."""
        return (
            f"SET statement_timeout = {_milliseconds(self._limits.statement)};"
            f" SET idle_in_transaction_session_timeout = {_milliseconds(self._limits.idle_change)};"
            " SET client_min_messages = warning;"
            # More than this, a standby's word for instance, is the administrator's to ask for.
            " SELECT set_config('synchronous_commit', 'on', false)"
            " WHERE current_setting('synchronous_commit') = 'off'"
        )


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))


def _sealing(where: ConnectionParameters) -> Iterator[tuple[str, str]]:
    """Yield the parameters of TLS, all of them, so that no variable or file of a user's counts."""
    yield "sslmode", where.ssl_mode
    yield "ssl_min_protocol_version", "TLSv1.2"
    for path in (where.root_certificate, where.certificate, where.key):
        if path is not None and not Path(path).is_file():
            raise BadConfiguration(
                f"The connection string of the database {where.place} names the file {path}, which"
                " cannot be found: correct its path."
            )
    root = where.root_certificate
    if root is None and where.ssl_mode.verifies and not where.host.startswith(("/", "@")):
        root = _system_authorities(where)
    if root is not None:
        yield "sslrootcert", root
    if where.certificate is None or where.key is None:
        yield "sslcertmode", "disable"
    else:
        yield "sslcert", where.certificate
        yield "sslkey", where.key


def _system_authorities(where: ConnectionParameters) -> str:
    # The library carries an OpenSSL of its own, which does not know where the system's lie.
    for path in (ssl.get_default_verify_paths().cafile, *_SYSTEM_AUTHORITIES):
        if path is not None and Path(path).is_file():
            return path
    raise BadConfiguration(
        f"The server of the database {where.place} has to prove who it is, and the system has no"
        " authorities: name one in the connection string as Root Certificate."
    )
