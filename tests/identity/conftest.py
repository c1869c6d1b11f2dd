"""Local accounts, with `admin` and nobody else."""

from collections.abc import AsyncIterator

import pytest

from hermetic.identity.local import LocalAccounts
from hermetic.identity.passwords import Passwords
from tests.support.accounts import PASSWORD, MemoryAccounts, fast_passwords


@pytest.fixture
async def passwords() -> AsyncIterator[Passwords]:
    passwords = fast_passwords()
    yield passwords
    await passwords.close()


@pytest.fixture
def store() -> MemoryAccounts:
    return MemoryAccounts()


@pytest.fixture
async def local(store: MemoryAccounts, passwords: Passwords) -> LocalAccounts:
    local = LocalAccounts(store, passwords)
    await local.start(PASSWORD)
    return local
