"""What a deployment is made of, put together: its script, what lies beside it, and its models.

The files lie as Azure ML's containers have them: the sources at the root, models below
`azureml-models/<name>/<version>`.
"""

import asyncio
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from hermetic.client import bundling
from hermetic.errors import BadInput, BundleRejected
from hermetic.gateway.models import Models
from hermetic.gateway.uploads import Uploads, read_pieces
from hermetic.registry.bundles import Bundles
from hermetic.registry.disk import full_disk_told
from hermetic.serving.bundle import Bounds
from hermetic.serving.schema import is_file_name

MODELS = PurePosixPath("azureml-models")
_SCRIPT = "AZUREML_ENTRY_SCRIPT"
_DIRECTORY = "AZUREML_MODEL_DIR"


@dataclass(frozen=True)
class Source:
    """An uploaded file; one to *unpack* is an archive of a folder (tar)."""

    artifact: str
    unpack: bool = False


@dataclass(frozen=True)
class Sources:
    """What a deployment is made of; `variables` and `requirements` are those of its environment.

    `left_out` is what that environment names beside and nothing installs.
    """

    files: tuple[Source, ...]
    models: tuple[str, ...]
    variables: Mapping[str, str]
    requirements: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Assembled:
    """A deployment's bundle, where in it a call begins, and the variables its script finds."""

    bundle: str
    script: str
    variables: tuple[tuple[str, str], ...]


class Assembly:
    """Puts deployments together; *work* is a folder for what is under way."""

    def __init__(self, uploads: Uploads, models: Models, bundles: Bundles, work: Path) -> None:
        self._uploads, self._models, self._bundles = uploads, models, bundles
        self._work = work

    async def assemble(self, sources: Sources) -> Assembled:
        """Return what *sources* make up, kept as a bundle.

        Raises:
            BadInput: There is no entry script, or an archive cannot be unpacked.
            NotFound: There is no such file or model.
            BundleRejected: It is too large, or could do harm.
            StorageFull: There is no room.
        """
        script = sources.variables.get(_SCRIPT, "")
        if not script:
            raise BadInput(
                f"There is no entry script: deploy with an InferenceConfig, which sets {_SCRIPT}."
            )
        with full_disk_told(), tempfile.TemporaryDirectory(dir=self._work) as folder:
            members = await self._members(sources, Path(folder))
            if PurePosixPath(script) not in members:
                raise BadInput(
                    f"The entry script {script!r} is not among what was uploaded:"
                    f" {', '.join(sorted(map(str, members))[:10])}."
                )
            archive = Path(folder) / "archive"
            await asyncio.to_thread(_written, members, archive)
            bundle = await self._bundles.add(read_pieces(archive))
        variables = {**sources.variables, _DIRECTORY: _model_folder(sources.models)}
        return Assembled(bundle.digest, script, tuple(sorted(variables.items())))

    async def _members(self, sources: Sources, folder: Path) -> dict[PurePosixPath, Path]:
        members: dict[PurePosixPath, Path] = {}
        for number, source in enumerate(sources.files):
            artifact = await self._uploads.find(source.artifact)
            await self._uploads.want(artifact.name)
            path = await self._uploads.path(artifact)
            if source.unpack:
                unpacked = folder / f"unpacked-{number}"
                await asyncio.to_thread(_unpack, path, unpacked, source.artifact)
                members |= dict(_files(unpacked))
            else:
                members[PurePosixPath(PurePosixPath(artifact.name).name)] = path
        for model in sources.models:
            below = MODELS.joinpath(*model.rsplit(":", 1))
            for place, artifact in (await self._models.files(model)).items():
                members[below / place] = await self._uploads.path(artifact)
        return members


def _model_folder(models: Sequence[str]) -> str:
    """Return where scripts find their models: one by itself, or the folder of several.

    Without any it is the folder of the script, so that there is one.
    """
    if not models:
        return ""
    if len(models) == 1:
        return str(MODELS.joinpath(*models[0].rsplit(":", 1)))
    return str(MODELS)


def _written(members: Mapping[PurePosixPath, Path], archive: Path) -> None:
    with archive.open("wb") as target:
        bundling.write(members, target)


def _unpack(path: Path, folder: Path, name: str) -> None:
    """Unpack the archive at *path*; nothing leaves *folder*, and no link or device is made."""
    bounds = Bounds()
    folder.mkdir()
    size = count = 0
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                size, count = size + member.size, count + 1
                if size > bounds.unpacked or count > bounds.members:
                    raise BundleRejected(
                        f"The archive {name!r} holds more than {bounds.members} files or"
                        f" {bounds.unpacked} bytes: leave out what the script does not need."
                    )
                if not (member.isfile() or member.isdir()):
                    raise BundleRejected(
                        f"{member.name[:200]!r} in the archive {name!r} is neither a file nor a"
                        " folder: links and devices are not accepted."
                    )
                _put(archive, member, folder)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise BadInput(f"The archive {name!r} cannot be unpacked: {error}.") from error


def _put(archive: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    """Write one file, or make one folder; not by `extract`, which not every Python keeps inside."""
    parts = [part for part in member.name.split("/") if part not in {"", "."}]
    if not all(map(is_file_name, parts)):
        raise BundleRejected(f"{member.name[:200]!r} leads outside the archive: use plain names.")
    place = folder.joinpath(*parts)
    if member.isdir():
        place.mkdir(parents=True, exist_ok=True)
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    content = archive.extractfile(member)
    if content is not None:
        with content, place.open("wb") as target:
            shutil.copyfileobj(content, target, 1 << 20)


def _files(folder: Path) -> Iterator[tuple[PurePosixPath, Path]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield PurePosixPath(path.relative_to(folder)), path
