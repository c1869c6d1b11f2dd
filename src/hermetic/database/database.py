"""Where what must outlast the process is kept: the contract of a database connection.

SQL is written once, for every maker: standard statements, `?` for a parameter, text for
moments (ISO 8601 in UTC, so that they sort), no functions of one maker.  A column is TEXT (in the
order of its bytes, without NUL), INTEGER (64 bits), REAL or BLOB; a name of a type is written in
capitals, so that a column may be called `text`.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

T = TypeVar("T")

Value = str | int | float | bytes | None
"""What a column may hold."""


class Row(Protocol):
    """One row of an answer; a column is asked for by its name."""

    def __getitem__(self, key: str) -> Any:  # noqa: ANN401 - only the query knows the column's type
        """Return the value of the column *key*."""


class Transaction(Protocol):
    """What may be done between the beginning and the end of one transaction."""

    def rows(self, sql: str, parameters: Sequence[Value] = ()) -> list[Row]:
        """Return what a query answers, or a change that ends with RETURNING."""

    def change(self, sql: str, parameters: Sequence[Value] = ()) -> int:
        """Run a statement and return how many rows it changed.

        Raises:
            Conflict: A row would collide with one that exists.  The transaction is as it was
                before the statement, and MAY go on.
        """


class Database(Protocol):
    """A connection to the database.  Its methods MUST NOT block the event loop."""

    async def open(self) -> None:
        """Connect, and bring the tables to the form this version knows.

        Several processes MAY open the same database at once.

        Raises:
            BadConfiguration: The database is damaged, out of bounds, or of a newer version.
            StorageFull: There is no room for the changes.
            TrustFailure: Its server cannot prove who it is.
            Unavailable: Nobody answers, or somebody else holds it.
        """

    async def close(self) -> None:
        """Let what is under way end, then disconnect.  MAY be called twice."""

    async def read(self, sql: str, parameters: Sequence[Value] = ()) -> list[Row]:
        """Return what a query answers, including all that was acknowledged before.

        Raises:
            Unavailable: Nobody answers, or not in time; the next time may be better.
        """

    async def write(self, change: Callable[[Transaction], T]) -> T:
        """Run *change* as one transaction and return what it returns.

        When this returns, the change MUST survive the end of the process and of the machine;
        when it raises, nothing MUST have changed, unless the error says that this is unknown.
        *change* runs in a thread of the database's; what it sees is as if nobody changed
        anything beside it, on any node.  It MUST do nothing but ask and change the database, for
        it MAY be run again.  A caller that is cancelled does not stop a change that has begun.

        Raises:
            StorageFull: There is no room.
            Conflict: A row would collide with one that exists.
            Unavailable: Nobody answers, or not in time.
        """
