"""Making a bundle: the zip archive that a service is published as.

The same files always make the same bytes, so that the digest by which a bundle is known says
whether anything changed.  Nothing is compressed: models hardly shrink, and an archive that
grows when it is unpacked is what the other side must distrust.
"""

import shutil
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from hermetic.errors import BadInput
from hermetic.serving.bundle import Shelf

_EPOCH = (1980, 1, 1, 0, 0, 0)  # The earliest a zip can say; a real time would change the digest.
_MODE = 0o644 << 16
_UNIX = 3


def of_script(script: Path, models: Sequence[Path]) -> dict[PurePosixPath, Path]:
    """Return the members of a bundle whose calls begin in the file *script*.

    Raises:
        BadInput: A file is missing, or two have one name.
    """
    return _members([(script.name, script), *_named(models)])


def of_module(module: str, root: Path, models: Sequence[Path]) -> dict[PurePosixPath, Path]:
    """Return the members of a bundle whose calls begin in *module*, found below *root*.

    Of a module in a package the whole package goes along.

    Raises:
        BadInput: There is no such module, a file is missing, or two have one name.
    """
    source = module_file(module, root)
    top = module.partition(".")[0]
    package = root / top
    whole = package if package.is_dir() else source
    return _members([(whole.name, whole), *_named(models)])


def module_file(module: str, root: Path) -> Path:
    """Return the file of *module* below *root*, or raise `BadInput` saying where it was sought."""
    stem = root.joinpath(*module.split("."))
    for candidate in (stem.with_name(f"{stem.name}.py"), stem / "__init__.py"):
        if candidate.is_file():
            return candidate
    raise BadInput(
        f"There is no module {module} in {root}: it should be {stem.relative_to(root)}.py there."
        " Run the command in the folder that holds it."
    )


def write(members: Mapping[PurePosixPath, Path], archive: BinaryIO) -> None:
    """Write the archive of *members* to *archive*."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as zipped:
        for name in sorted(members):
            info = zipfile.ZipInfo(str(Shelf.FILES / name), _EPOCH)
            info.create_system, info.external_attr = _UNIX, _MODE
            with (
                members[name].open("rb") as source,
                zipped.open(info, "w", force_zip64=True) as target,
            ):
                shutil.copyfileobj(source, target, 1 << 20)


def _named(models: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    # `--model .` is known by the folder's own name.
    return (
        (model.resolve().name if model.name in {"", ".."} else model.name, model)
        for model in models
    )


def _members(tops: Sequence[tuple[str, Path]]) -> dict[PurePosixPath, Path]:
    found: dict[PurePosixPath, Path] = {}
    for top, path in tops:
        if not path.exists():
            raise BadInput(f"There is no file or folder {path}: mend its name.")
        for name, file in _below(PurePosixPath(top), path):
            if name in found:
                raise BadInput(f"{found[name]} and {file} would both be {name}: rename one.")
            found[name] = file
    return found


def _below(name: PurePosixPath, path: Path) -> Iterator[tuple[PurePosixPath, Path]]:
    """Yield the files in *path*, without what Python, git and editors leave there."""
    if path.is_file():
        yield name, path
        return
    if not path.is_dir():
        raise BadInput(f"{path} is neither a file nor a folder: leave it out of the bundle.")
    for one in sorted(path.iterdir()):
        if one.name.startswith(".") or one.name == "__pycache__":
            continue
        if one.is_dir() and one.is_symlink():  # It could lead back here, without end.
            raise BadInput(f"{one} is a link to a folder: put the folder itself there.")
        yield from _below(name / one.name, one)
