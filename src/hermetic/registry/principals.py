"""Local accounts, in the database."""

from hermetic.access.principals import Account, Role
from hermetic.clock import Clock
from hermetic.database.database import Database, Transaction
from hermetic.errors import Conflict, NotFound
from hermetic.registry.moments import to_text
from hermetic.registry.revisions import Kind, bump


class Principals:
    """The accounts this installation vouches for itself."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def all(self) -> list[Account]:
        """Return every account."""
        rows = await self._database.read("SELECT name, role, password_hash FROM principals")
        return [Account(row["name"], Role(row["role"]), row["password_hash"]) for row in rows]

    async def add(self, account: Account) -> None:
        """Keep a new account, or raise `Conflict` if there is one of that name."""
        now = to_text(self._clock())

        def change(transaction: Transaction) -> None:
            try:
                transaction.change(
                    "INSERT INTO principals (name, role, password_hash, created_at)"
                    " VALUES (?, ?, ?, ?)",
                    (account.name, account.role, account.password_hash, now),
                )
            except Conflict:
                raise Conflict(f"There is already an account {account.name!r}.") from None
            bump(transaction, Kind.PRINCIPALS)

        await self._database.write(change)

    async def replace(self, account: Account) -> None:
        """Keep *account* instead of the one of its name, or raise `NotFound`."""
        await self._change_one(
            account.name,
            "UPDATE principals SET role = ?, password_hash = ? WHERE name = ?",
            (account.role, account.password_hash, account.name),
        )

    async def remove(self, name: str) -> None:
        """Forget an account, or raise `NotFound`."""
        await self._change_one(name, "DELETE FROM principals WHERE name = ?", (name,))

    async def _change_one(self, name: str, sql: str, parameters: tuple[str, ...]) -> None:
        def change(transaction: Transaction) -> None:
            if not transaction.change(sql, parameters):
                raise NotFound(f"There is no account {name!r}.")
            bump(transaction, Kind.PRINCIPALS)

        await self._database.write(change)
