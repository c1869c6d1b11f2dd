"""Tokens that another web node has given out, and that are heard of when one asks."""

import asyncio

from hermetic.access.principals import Principal, Role
from hermetic.errors import Unauthenticated, Unavailable

THEIRS = b"token-of-another-node"


class Elsewhere:
    """Knows no token before others were asked, and then those that *given* holds."""

    def __init__(self, *given: bytes) -> None:
        self.given, self.known = set(given), set[bytes]()
        self.asked = 0
        self.answers = True
        self.reached, self.may_answer = asyncio.Event(), asyncio.Event()
        self.may_answer.set()

    def authenticate(self, bearer: bytes, digest: bytes = b"") -> Principal:
        if bearer not in self.known:
            raise Unauthenticated("The token is not valid.", unsettled=not self.asked)
        return Principal("admin", Role.OWNER)

    async def settle(self) -> None:
        self.asked += 1
        self.reached.set()
        await self.may_answer.wait()
        if not self.answers:
            raise Unavailable("The database is away.")
        self.known |= self.given
