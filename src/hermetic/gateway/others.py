"""The other web nodes of an installation, as the use cases of one need them.

What one web node acknowledges must hold at all of them: a client that is sent to another with its
next request must not meet what was true before.
"""

from typing import Protocol


class Others(Protocol):
    """Whoever passes on what web nodes decide."""

    @property
    def exist(self) -> bool:
        """Whether there may be any."""

    async def learn(self) -> None:
        """Take in what others had decided when this was asked."""

    async def tell(self) -> None:
        """Return when all others have taken in what was changed until now.

        One that does not do so within two seconds is not waited for: it is gone, or so late that
        it is not given requests any more.
        """


class Alone:
    """Nobody else: for one box."""

    exist = False

    async def learn(self) -> None:
        """Do nothing."""

    async def tell(self) -> None:
        """Do nothing."""


ALONE = Alone()
