"""Who may come in: logging in, tokens, and their end."""

from dataclasses import dataclass, field
from datetime import datetime

from hermetic.access.principals import Principal


@dataclass(frozen=True)
class TokenPair:
    """What a login yields.

    `expires_on` is when the access token ends, `expires_in_s` how long that is from its issue.
    """

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_in_s: int
    expires_on: datetime


class Access:
    """Logs people in, and says of every request who sent it."""

    async def start(self) -> None:
        """Read which logins are alive; MUST be awaited before anything else is asked."""
        raise NotImplementedError

    async def login(self, username: str, password: str, peer: str) -> TokenPair:
        """Return tokens for whoever knows the password of *username*.

        *peer* is the address the request came from; failures are counted by it, too.

        Raises:
            Unauthenticated: The user is unknown or the password wrong; which, is not told.
            TooManyAttempts: Too many failures of this account or from this address.
            Busy: Too many logins are being checked at once.
        """
        raise NotImplementedError

    async def refresh(self, refresh_token: str) -> TokenPair:
        """Return a new pair; the old refresh token and the access token beside it die at once.

        Raises:
            Unauthenticated: The token is unknown, spent, revoked or expired.
        """
        raise NotImplementedError

    async def revoke(self, refresh_token: str) -> None:
        """End the login *refresh_token* belongs to: its access token dies at once.

        Raises:
            Unauthenticated: The token is unknown, spent, revoked or expired.
        """
        raise NotImplementedError

    def authenticate(self, bearer: bytes) -> Principal:
        """Return who holds the access token *bearer*, in the role they have now.

        *bearer* is the token alone, without the word `Bearer`.  Never waits.

        Raises:
            Unauthenticated: Always with the same sentence; the log says why.
        """
        raise NotImplementedError
