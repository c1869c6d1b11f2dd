"""Files that are uploaded on the way to a model or a deployment, and handed out again.

Each is kept in a bundle of its own, so that what keeps bundles keeps them too.  One that nothing
refers to stays for a day, since its model or its deployment may follow.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Collection, Sequence
from datetime import timedelta
from pathlib import Path, PurePosixPath

from hermetic.client import bundling
from hermetic.client.content import Content
from hermetic.errors import BadInput, NotFound
from hermetic.log import logger
from hermetic.registry.artifacts import Artifact, Artifacts
from hermetic.registry.bundles import Bundles
from hermetic.registry.disk import PIECE, full_disk_told, receive
from hermetic.serving.bundle import Shelf
from hermetic.serving.schema import is_file_name

GRACE = timedelta(days=1)
_CONTENT = PurePosixPath("content")

log = logger(__name__)


class Uploads:
    """The uploaded files; *work* is a folder for what is under way."""

    def __init__(self, artifacts: Artifacts, bundles: Bundles, work: Path, *, most: int) -> None:
        """Keep files of up to *most* bytes."""
        self._artifacts, self._bundles, self._work, self._most = artifacts, bundles, work, most

    async def put(self, name: str, pieces: AsyncIterator[bytes]) -> Artifact:
        """Keep what *pieces* make up as the file *name*.

        Raises:
            Conflict: Something else was uploaded under that name.
            BadInput: The name leads elsewhere.
            BodyTooLarge: It is larger than the node accepts.
            StorageFull: There is no room.
        """
        if not all(map(is_file_name, name.split("/"))):
            raise BadInput(f"{name[:200]!r} is no path of an uploaded file.")
        with full_disk_told(), tempfile.TemporaryDirectory(dir=self._work) as folder:
            received, archive = Path(folder) / "received", Path(folder) / "archive"
            with received.open("wb") as target:
                await receive(pieces, target, most=self._most)
            size = received.stat().st_size
            await asyncio.to_thread(_packed, received, archive)
            bundle = await self._bundles.add(read_pieces(archive), unpacks=False)
        artifact = Artifact(name, bundle.digest, size)
        await self._artifacts.put(artifact)
        log.info("artifact.kept", digest=bundle.digest, size=size)
        return artifact

    async def find(self, name: str) -> Artifact:
        """Return what is known of the file *name*, or raise `NotFound`."""
        found = await self._artifacts.find(name)
        if found is None:
            raise NotFound(f"There is no uploaded file {name[:200]!r}.")
        return found

    async def below(self, prefix: str) -> Sequence[Artifact]:
        """Return the file *prefix*, or all files in the folder of that name; raises `NotFound`."""
        found = await self._artifacts.below(prefix)
        if not found:
            raise NotFound(f"There is no uploaded file or folder {prefix[:200]!r}.")
        return found

    async def want(self, prefix: str) -> Sequence[Artifact]:
        """Return what `below` does, and have it stay: something is about to refer to it."""
        if not await self._artifacts.want(prefix):
            raise NotFound(
                f"There is no uploaded file or folder {prefix[:200]!r}, or none any more: send it"
                " again."
            )
        return await self._artifacts.below(prefix)

    async def sweep(self, kept: Collection[str]) -> None:
        """Forget files that are not in *kept*, nor in a folder that is, unless wanted lately."""
        if swept := await self._artifacts.sweep(kept, GRACE):
            log.info("artifact.swept", files=swept)

    async def path(self, artifact: Artifact) -> Path:
        """Return where the content of *artifact* lies, to be read at once and not changed."""
        return await self._bundles.folder(artifact.bundle) / Shelf.FILES / _CONTENT

    async def content(self, artifact: Artifact) -> Content:
        """Return the content of *artifact*, to be handed out."""
        return Content.within((await self.path(artifact)).open("rb"))


async def read_pieces(path: Path) -> AsyncIterator[bytes]:
    """Yield the file at *path* in pieces."""
    with path.open("rb") as file:
        while data := await asyncio.to_thread(file.read, PIECE):
            yield data


def _packed(received: Path, archive: Path) -> None:
    with archive.open("wb") as target:
        bundling.write({_CONTENT: received}, target)
