"""Accounts of our own, with the administrator every installation begins with."""

import re
from typing import Protocol

from hermetic.access.principals import ADMINISTRATOR, Account, Principal, Role
from hermetic.errors import BadInput, Conflict, NotFound, Unauthenticated
from hermetic.identity.passwords import Passwords, generate, refuse_weak
from hermetic.log import logger

log = logger(__name__)

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@+-]{0,127}\Z")


class AccountStore(Protocol):
    """Where accounts are kept.  What was acknowledged MUST be there after a crash."""

    async def all(self) -> list[Account]:
        """Return every account."""

    async def add(self, account: Account) -> None:
        """Keep a new account, or raise `Conflict` if there is one of that name."""

    async def replace(self, account: Account) -> None:
        """Keep *account* instead of the one of its name, or raise `NotFound`."""

    async def remove(self, name: str) -> None:
        """Forget an account, or raise `NotFound`."""


class LocalAccounts:
    """Vouches for the accounts in a store, all of which it holds in memory."""

    def __init__(self, store: AccountStore, passwords: Passwords) -> None:
        self._store = store
        self._passwords = passwords
        self._accounts: dict[str, Account] = {}

    async def start(self, password: str | None = None) -> str | None:
        """Read the accounts; make the administrator's if there is none.

        Returns the password if one had to be generated: the only time it is ever seen.

        Args:
            password: What a new administrator's password is to be; an existing one stays.

        Raises:
            BadInput: *password* is too weak for a new account.
        """
        self._accounts = {account.name: account for account in await self._store.all()}
        if ADMINISTRATOR in self._accounts:
            if password is not None:
                # Else somebody would believe that a restart had changed it.
                log.info("account.password_not_used", account=ADMINISTRATOR, reason="it has one")
            return None
        generated = None if password else generate()
        try:
            await self.add(ADMINISTRATOR, password or generated or "", Role.OWNER)
        except Conflict:
            # Another node that started at the same time was faster; its password holds.
            await self.take_in()
            return None
        return generated

    async def take_in(self, since_revision: int = 0) -> None:
        """Read the accounts anew: another node has changed some of them since."""
        self._accounts = {account.name: account for account in await self._store.all()}

    async def verify(self, username: str, password: str) -> Principal:
        """Return who *username* is, or raise `Unauthenticated`."""
        account = self._accounts.get(username)
        # Longer ones cannot be right, and hashing a megabyte is what a flood would send.
        tried = password if len(password) <= 1024 else ""
        fits = await self._passwords.fits(tried, account.password_hash if account else None)
        # Asked again: the account may have gone, or got another password, meanwhile.
        if not fits or account is None or self._accounts.get(username) != account:
            raise Unauthenticated("The user name or the password is wrong.")
        if self._passwords.is_outdated(account.password_hash):
            await self._keep(account.name, account.role, tried)
        return Principal(account.name, account.role)

    def principal(self, name: str) -> Principal | None:
        """Return who *name* is at this moment."""
        account = self._accounts.get(name)
        return Principal(account.name, account.role) if account else None

    def principals(self) -> list[Principal]:
        """Return everybody who has an account, by name."""
        return [Principal(name, one.role) for name, one in sorted(self._accounts.items())]

    async def add(self, name: str, password: str, role: Role) -> None:
        """Make a new account.

        Raises:
            BadInput: The name cannot be used, or the password is too weak.
            Conflict: There is an account of that name.
        """
        if not _NAME.match(name):
            raise BadInput(
                f"{name!r} cannot name an account: use 1 to 128 letters, digits or any of"
                " _ . @ + -, beginning with a letter, a digit or _."
            )
        refuse_weak(password)
        if name in self._accounts:
            raise Conflict(f"There is already an account {name!r}.")
        account = Account(name, role, await self._passwords.hash(password))
        await self._store.add(account)
        self._accounts[name] = account
        log.info("account.added", account=name, role=role)

    async def set_password(self, name: str, password: str) -> None:
        """Give an account another password.

        Raises:
            NotFound: There is no such account.
            BadInput: The password is too weak.
        """
        role = self._account(name).role
        refuse_weak(password)
        await self._keep(name, role, password)
        log.info("account.password-set", account=name)

    async def set_role(self, name: str, role: Role) -> None:
        """Give an account another role, or raise `NotFound`."""
        self._refuse_last_owner(name, role)
        account = Account(name, role, self._account(name).password_hash)
        await self._store.replace(account)
        self._accounts[name] = account
        log.info("account.role-set", account=name, role=role)

    async def remove(self, name: str) -> None:
        """Forget an account, or raise `NotFound`."""
        self._refuse_last_owner(name, None)
        await self._store.remove(name)
        self._accounts.pop(name, None)
        log.info("account.removed", account=name)

    def _account(self, name: str) -> Account:
        try:
            return self._accounts[name]
        except KeyError:
            raise NotFound(f"There is no account {name!r}.") from None

    def _refuse_last_owner(self, name: str, role: Role | None) -> None:
        self._account(name)
        owners = {one.name for one in self._accounts.values() if one.role is Role.OWNER}
        if owners == {name} and role is not Role.OWNER:
            raise Conflict(f"{name!r} is the only Owner: make somebody else one first.")

    async def _keep(self, name: str, role: Role, password: str) -> None:
        account = Account(name, role, await self._passwords.hash(password))
        await self._store.replace(account)
        self._accounts[name] = account
