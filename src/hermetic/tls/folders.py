"""A folder of folders, each with a pair in it, followed as they come, change and go.

Looked at every other second and not watched: a thousand watches are more than many systems have
to give, and a thousand looks take a few milliseconds of a thread.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Never

from hermetic.certificates.credential import Credential
from hermetic.errors import BadConfiguration, CertificateRejected
from hermetic.log import logger
from hermetic.tls.by_name import ByName
from hermetic.tls.folder import CHAIN, KEY, read_folder

LOOK_S = 2.0
_LOOKED_AT = (".", "current", "..data", CHAIN, KEY)
Signature = tuple[tuple[int, int, int, int] | None, ...]

log = logger(__name__)


class Folders:
    """What lies in the folders below *folder*, presented by *by_name* under the folders' names."""

    def __init__(
        self,
        folder: Path,
        by_name: ByName,
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._folder, self._by_name, self._pause = folder, by_name, pause
        self._read: dict[str, tuple[Signature, Credential | CertificateRejected]] = {}
        self._is_gone = False

    def begin(self) -> None:
        """Present what is there; blocks for the disk.

        Raises:
            BadConfiguration: The folder cannot be read; one of those in it that cannot is told
                and left out.
        """
        try:
            self._look()
        except OSError as error:
            raise BadConfiguration(
                f"The folder {self._folder} cannot be read ({error.strerror}): make it, with a"
                " folder in it for each certificate, or remove the setting."
            ) from error

    async def run(self) -> Never:
        """Present what is there as it changes, until cancelled."""
        while True:
            await self._pause(LOOK_S)
            await asyncio.to_thread(self.look)

    def look(self) -> None:
        """Present what is there now; where the folder itself is gone, what was there last."""
        try:
            self._look()
            self._is_gone = False
        except OSError as error:
            if not self._is_gone:
                log.warning("certificate.watch_failed", folder=str(self._folder), reason=str(error))
            self._is_gone = True

    def _look(self) -> None:
        with os.scandir(self._folder) as inside:
            found = sorted(
                one.name for one in inside if not one.name.startswith(".") and one.is_dir()
            )
        now = {name: self._entry(name) for name in found}
        # One that was refused for its dates may be right by now.
        if now.keys() != self._read.keys() or self._by_name.troubles or now != self._read:
            self._by_name.present({name: content for name, (_, content) in now.items()})
        self._read = now

    def _entry(self, name: str) -> tuple[Signature, Credential | CertificateRejected]:
        place = self._folder / name
        signature = tuple(map(_seen, (place / one for one in _LOOKED_AT)))
        known = self._read.get(name)
        if known is not None and known[0] == signature:
            return known
        try:
            return signature, read_folder(place)
        except CertificateRejected as error:
            return signature, error


def _seen(path: Path) -> tuple[int, int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size
