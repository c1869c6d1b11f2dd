"""Local accounts, as their administrator and their holders manage them."""

from hermetic.access.policy import may_administer
from hermetic.access.principals import Principal, Role
from hermetic.errors import NotPermitted
from hermetic.gateway.access import Access
from hermetic.gateway.completion import to_the_end
from hermetic.identity.local import LocalAccounts


class Accounts:
    """Makes, changes and removes local accounts; who loses a password loses their logins."""

    def __init__(self, local: LocalAccounts, access: Access) -> None:
        self._local = local
        self._access = access

    def all(self, principal: Principal) -> list[Principal]:
        """Return everybody who has an account, or raise `NotPermitted`."""
        _refuse_others(principal)
        return self._local.principals()

    async def add(self, principal: Principal, name: str, password: str, role: Role) -> None:
        """Make an account; raises as `LocalAccounts.add` does, or `NotPermitted`."""
        _refuse_others(principal)
        await to_the_end(self._local.add(name, password, role))

    async def set_role(self, principal: Principal, name: str, role: Role) -> None:
        """Give an account another role, which holds from the next request on."""
        _refuse_others(principal)
        await to_the_end(self._local.set_role(name, role))

    async def set_password(self, principal: Principal, name: str, password: str) -> None:
        """Give somebody else another password and end their logins.

        Raises:
            NotPermitted: The principal is no Owner.
            BadInput: The password is too weak.
            NotFound: There is no such account.
        """
        _refuse_others(principal)
        await to_the_end(self._set_password(name, password))

    async def change_password(
        self, principal: Principal, current: str, password: str, peer: str
    ) -> None:
        """Give oneself another password and end all one's logins.

        The *current* one has to be said, so that a token left behind on some machine does not
        take over the account; *peer* is the address failures are counted by.

        Raises:
            Unauthenticated: *current* is wrong.
            TooManyAttempts: It was wrong too often.
            BadInput: The new password is too weak.
        """
        await self._access.prove(principal.name, current, peer)
        await to_the_end(self._set_password(principal.name, password))

    async def remove(self, principal: Principal, name: str) -> None:
        """Remove an account and end its logins; its services stay."""
        _refuse_others(principal)
        await to_the_end(self._remove(name))

    async def _set_password(self, name: str, password: str) -> None:
        await self._local.set_password(name, password)
        await self._access.end_logins(name)

    async def _remove(self, name: str) -> None:
        await self._local.remove(name)
        await self._access.end_logins(name)


def _refuse_others(principal: Principal) -> None:
    if not may_administer(principal):
        raise NotPermitted("Only an Owner manages the accounts of others.")
