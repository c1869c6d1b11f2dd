"""Folders on their way out, removed one after the other beside everything else.

Code may leave a million files behind, and to remove them takes a minute.  Nobody waits for
that: not the threads that logins and uploads need, and not the end of the process, since the
next start finds what is left.
"""

import asyncio
import threading
from queue import SimpleQueue

from hermetic.compute.folder import remove_tree


class Sweeper:
    """Removes folders in a thread of its own, which ends with the process at the latest."""

    def __init__(self) -> None:
        self._folders: SimpleQueue[str | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._left = 0
        self._changing = threading.Lock()
        self._idle = threading.Event()
        self._idle.set()

    def remove(self, folder: str) -> None:
        """Remove *folder* soon; nobody else may put anything into it any more."""
        with self._changing:
            self._left += 1
            self._idle.clear()
        self._folders.put(folder)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="sweeper", daemon=True)
            self._thread.start()

    async def finish(self, patience_s: float) -> bool:
        """Wait until all is removed, so long at most; whether it is."""
        idle = await asyncio.to_thread(self._idle.wait, patience_s)
        thread, self._thread = self._thread, None
        if thread is not None:
            self._folders.put(None)
            if idle:
                await asyncio.to_thread(thread.join)
        return idle

    def _run(self) -> None:
        while (folder := self._folders.get()) is not None:
            remove_tree(folder)
            with self._changing:
                self._left -= 1
                if not self._left:
                    self._idle.set()
