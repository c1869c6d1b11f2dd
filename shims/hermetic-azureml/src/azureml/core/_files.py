"""Files on their way to the node and back."""

import secrets
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from azureml.exceptions import WebserviceException

if TYPE_CHECKING:
    from azureml.core.workspace import Workspace

ORIGIN = "LocalUpload"
_AT_ONCE = 50
_LEFT_OUT = {".git", "__pycache__", ".azureml", ".ipynb_checkpoints"}


def container(dated: bool = False) -> str:
    """Return the name of a place that nothing was sent to before."""
    name = secrets.token_hex(4)
    return f"{datetime.now(UTC):%y%m%dT%H%M%S}-{name}" if dated else name


def send(workspace: "Workspace", place: str, files: Mapping[str, Path]) -> str:
    """Send *files* to *place* under the paths that name them; return how all their names begin.

    Raises:
        Refused: The node does not take them.
        OSError: One cannot be read.
    """
    batch, paths = f"{ORIGIN}/{place}", list(files)
    for first in range(0, len(paths), _AT_ONCE):
        some = paths[first : first + _AT_ONCE]
        asked = {"paths": [{"path": path} for path in some]}
        told = workspace._of_artifacts("POST", f"/batch/metadata/{batch}", asked).body
        for path in some:
            address = told["artifactContentInformation"][path]["contentUri"]
            with files[path].open("rb") as content:
                workspace._node.send_file(address, content)
    return batch


def below(path: Path) -> dict[str, Path]:
    """Return the files at *path*, by their names from its folder on.

    Raises:
        WebserviceException: There is none.
    """
    path = path.resolve()
    if path.is_file():
        return {path.name: path}
    found = {
        f"{path.name}/{one.relative_to(path).as_posix()}": one
        for one in sorted(path.rglob("*"))
        if one.is_file() and not _LEFT_OUT & set(one.relative_to(path).parts)
    }
    if not found:
        raise WebserviceException(f"There is no file in {path}: nothing can be sent.")
    return found


@contextmanager
def packed(folder: Path) -> Iterator[Path]:
    """Yield an archive of *folder*, which is gone afterwards."""
    with tempfile.TemporaryDirectory() as work:
        archive = Path(work) / f"{secrets.token_hex(4)}.tar.gz"
        with tarfile.open(archive, "w:gz") as target:
            for name, file in below(folder).items():
                target.add(file, name, recursive=False)
        yield archive
