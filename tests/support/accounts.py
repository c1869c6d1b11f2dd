"""Accounts whose passwords are hashed in a millisecond, so that tests need not wait."""

from argon2 import PasswordHasher

from hermetic.access.principals import Account
from hermetic.errors import Conflict, NotFound
from hermetic.identity.passwords import Passwords

PASSWORD = "Sesame-2026!"
ANOTHER = "Mellon+1954;"


def fast_passwords(*, waiting: int = 32) -> Passwords:
    """Return passwords that are kept as weakly as the library allows."""
    return Passwords(
        hasher=PasswordHasher(time_cost=1, memory_cost=8, parallelism=1), waiting=waiting
    )


class MemoryAccounts:
    """A store of accounts that is gone with the process."""

    def __init__(self) -> None:
        self.kept: dict[str, Account] = {}

    async def all(self) -> list[Account]:
        return list(self.kept.values())

    async def add(self, account: Account) -> None:
        if account.name in self.kept:
            raise Conflict("There is one.")
        self.kept[account.name] = account

    async def replace(self, account: Account) -> None:
        if account.name not in self.kept:
            raise NotFound("There is none.")
        self.kept[account.name] = account

    async def remove(self, name: str) -> None:
        if self.kept.pop(name, None) is None:
            raise NotFound("There is none.")
