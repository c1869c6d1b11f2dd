"""Systems that do not tell of changes: one where nothing is heard, and one without watches."""

import asyncio
from typing import Self


class Deaf:
    """Stands for `asyncinotify.Inotify` on a file system that has no events."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        return None

    def add_watch(self, *_watched: object) -> None:
        """Watch in vain."""

    async def get(self) -> None:
        await asyncio.Event().wait()


class Exhausted(Deaf):
    """Stands for it where all watches are taken."""

    def add_watch(self, *_watched: object) -> None:
        raise OSError("no watches left")
