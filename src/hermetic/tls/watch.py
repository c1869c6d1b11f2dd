"""Watching a folder, and serving what is put into it.

The folder is watched, not its files: in a Secret volume and in our store what changes is a link,
and a watch on a file goes blind at its first replacement (kubernetes#111947).  Events may get
lost, and network file systems have none; so every ten seconds the content is compared as well.

The loop itself hears the events.  A thread that waits for them beside it (watchfiles) asks for
the interpreter's lock again and again, and each time the loop lets go of it for a moment the
thread is woken in vain: that cost a node a third of its calls.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path

from asyncinotify import Inotify, Mask

from hermetic.certificates.credential import Credential
from hermetic.clock import Clock
from hermetic.errors import CertificateRejected, HermeticError
from hermetic.log import logger
from hermetic.tls.folder import digest_of, read_folder
from hermetic.tls.reload import SwappingContext

POLL = timedelta(seconds=10)
"""How often the content is compared, in case an event got lost."""
# Long enough for the second file of a copied pair, short enough for 50 ms from disk to wire.
_CALM_S = 0.02
_LONGEST_S = 0.5
_ANYTHING = (
    Mask.ATTRIB
    | Mask.CLOSE_WRITE
    | Mask.CREATE
    | Mask.DELETE
    | Mask.DELETE_SELF
    | Mask.MODIFY
    | Mask.MOVE
    | Mask.MOVE_SELF
    | Mask.ONLYDIR
)
# How often to ask for a folder that is not there.
_APPEARANCE_S = 0.5

log = logger(__name__)


async def changes(folder: Path, *, poll: timedelta = POLL) -> AsyncIterator[None]:
    """Yield whenever something in *folder* may have changed, for the first time at once.

    A folder that is not there yet is waited for; one that is replaced is watched anew.  At
    least every *poll* it yields without an event.  Close it when done with it.
    """
    blind = False
    while True:
        identity = await _appeared(folder)
        try:
            with Inotify() as events:
                events.add_watch(folder, _ANYTHING)
                # What was changed before the watch stood is found by whoever looks now.
                yield
                while _identity(folder) == identity:
                    await _heard(events, poll)
                    yield
        except OSError as error:
            # The folder went just now, or the system has no watches left: its limits are small.
            if not blind:
                log.warning("certificate.watch_failed", folder=str(folder), reason=str(error))
            blind = True
            yield
            await asyncio.sleep(poll.total_seconds())


async def _heard(events: Inotify, within: timedelta) -> None:
    """Wait for an event, and until there are no more for the moment; or for so long."""
    loop = asyncio.get_running_loop()
    with suppress(TimeoutError):
        async with asyncio.timeout(within.total_seconds()):
            await events.get()
        latest = loop.time() + _LONGEST_S
        while loop.time() < latest:
            async with asyncio.timeout(_CALM_S):
                await events.get()


async def follow(
    folder: Path,
    context: SwappingContext,
    *,
    clock: Clock,
    read: Callable[[], Credential] | None = None,
    digest: Callable[[], str] | None = None,
    poll: timedelta = POLL,
) -> None:
    """Serve through *context* whatever is put into *folder*, until cancelled.

    What cannot be served is refused by *context*, once for each content, and the last good one
    stays.  A pair that is not valid yet is tried again when its time has come.

    Args:
        folder: Where the pair lies, in any layout of `folder`; it may be missing.
        context: What serves it.
        clock: Tells when a pair that was too early is due.
        read: How to read it if not with `read_folder`; a store's own `read`, for example.
        digest: How to tell whether to read it again if not with `digest_of`: a word that changes
            whenever it has to be.  It must not raise.
        poll: How often to compare the content without an event.
    """
    read, digest = read or partial(read_folder, folder), digest or partial(digest_of, folder)
    seen: str | None = None
    early: Credential | None = None
    async for _ in changes(folder, poll=poll):
        # In a thread, since a network file system may take its time.
        found = await asyncio.to_thread(digest)
        if found != seen:
            seen = found
            early = _offer(await _read(read, context), context)
        elif early is not None and clock() >= early.chain.not_before:
            early = _offer(early, context)


async def _read(read: Callable[[], Credential], context: SwappingContext) -> Credential | None:
    try:
        return await asyncio.to_thread(read)
    except HermeticError as error:
        context.refuse(error)
        return None


def _offer(credential: Credential | None, context: SwappingContext) -> Credential | None:
    """Let *context* serve the credential; return it if it came too early."""
    if credential is not None:
        try:
            context.swap(credential)
        except CertificateRejected as error:
            return credential if error.code == "not-yet-valid" else None
    return None


async def _appeared(folder: Path) -> tuple[int, int]:
    # Nothing tells when a folder appears whose parents may be missing too.
    while (identity := _identity(folder)) is None:  # noqa: ASYNC110
        await asyncio.sleep(_APPEARANCE_S)
    return identity


def _identity(folder: Path) -> tuple[int, int] | None:
    """Return what tells this folder from another that takes its name."""
    try:
        found = folder.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
