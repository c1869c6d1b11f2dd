"""Watching a folder, and serving what is put into it.

The folder is watched, not its files: in a Secret volume and in our store what changes is a link,
and a watch on a file goes blind at its first replacement (kubernetes#111947).  Events may get
lost, and network file systems have none; so every ten seconds the content is compared as well.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path

from watchfiles import awatch

from hermetic.certificates.credential import Credential
from hermetic.clock import Clock
from hermetic.errors import CertificateRejected, HermeticError
from hermetic.log import logger
from hermetic.tls.folder import digest_of, read_folder
from hermetic.tls.reload import SwappingContext

POLL = timedelta(seconds=10)
"""How often the content is compared, in case an event got lost."""
# Long enough for the second file of a copied pair, short enough for 50 ms from disk to wire.
_DEBOUNCE_MS = 20
# How often the watching thread looks: 5 ms costs 1.2 % of a core, 10 ms 0.8 %, 20 ms 0.4 %.
_STEP_MS = 10
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
        watch = awatch(
            folder,
            watch_filter=None,
            recursive=False,
            debounce=_DEBOUNCE_MS,
            step=_STEP_MS,
            rust_timeout=round(poll.total_seconds() * 1000),
            yield_on_timeout=True,
        )
        event = asyncio.ensure_future(anext(watch))
        try:
            # The watch stands as soon as it waits for the first time; what was changed before
            # is found by whoever looks now.
            await asyncio.sleep(0)
            while True:
                yield
                if _identity(folder) != identity:
                    break
                await event
                event = asyncio.ensure_future(anext(watch))
        except (OSError, RuntimeError) as error:
            # The folder went just now, or the system has no watches left: inotify's limits are
            # small, and for one of the two watchfiles raises a RuntimeError of its own.
            if not blind:
                log.warning("certificate.watch_failed", folder=str(folder), reason=str(error))
            blind = True
            await asyncio.sleep(poll.total_seconds())
        finally:
            event.cancel()
            with suppress(asyncio.CancelledError, OSError, RuntimeError):
                await event
            await watch.aclose()


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
