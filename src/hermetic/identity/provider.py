"""Whoever vouches for a user: the contract."""

from typing import Protocol

from hermetic.access.principals import Principal


class IdentityProvider(Protocol):
    """Knows users by a password, and the role each holds.

    A provider MUST take as long to refuse an unknown user as a wrong password, and MUST NOT
    log or keep a password.  It does not count failures: its caller does, before asking.
    """

    async def verify(self, username: str, password: str) -> Principal:
        """Return who *username* is if *password* is theirs.

        Raises:
            Unauthenticated: The user is unknown or the password wrong; which, MUST NOT show.
            Busy: More passwords are being checked than the node can afford.
            Unavailable: The directory does not answer.
        """

    def principal(self, name: str) -> Principal | None:
        """Return who *name* is at this moment, or `None` if nobody any more.

        Asked on every request, so it MUST NOT wait; what comes from a directory MAY be some
        minutes old.
        """
