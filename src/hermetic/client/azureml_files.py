"""What our own command sends to the face of Azure ML, and fetches: models, scripts, their files."""

import tarfile
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from hermetic.client.azureml import AzureMl
from hermetic.errors import BadInput

_ORIGIN = "LocalUpload"
_AT_ONCE = 50
_LEFT_OUT = {".git", "__pycache__", ".azureml", ".ipynb_checkpoints"}


class Sending:
    """Sends files into a container of its own in *workspace*."""

    def __init__(self, workspace: AzureMl) -> None:
        self._client, self._workspace = workspace.client, workspace
        self._container = uuid.uuid4().hex

    def send(self, files: Mapping[str, Path]) -> str:
        """Send *files* under the paths that name them; return the beginning of their names."""
        paths = list(files)
        batch = f"{_ORIGIN}/{self._container}"
        address = f"/artifact/v2.0{self._workspace.id}/artifacts/batch/metadata/{batch}"
        for first in range(0, len(paths), _AT_ONCE):
            some = paths[first : first + _AT_ONCE]
            asked = {"paths": [{"path": path} for path in some]}
            told, _ = self._client.control("POST", address, asked)
            for path in some:
                where = urlsplit(told["artifactContentInformation"][path]["contentUri"])
                # The storage is the node itself, by another host name, which need not resolve here.
                with files[path].open("rb") as content:
                    self._client.send_file(f"{where.path}?{where.query}", where.netloc, content)
        return batch

    def register(self, path: Path, body: Mapping[str, Any]) -> dict[str, Any]:
        """Register the file or folder at *path* as a model that *body* describes."""
        batch = self.send(_below(path))
        services = f"/modelmanagement/v1.0{self._workspace.id}"
        artifacts = [{"prefix": f"{batch}/{path.name}"}]
        asset, _ = self._client.control(
            "POST", f"{services}/assets", {"name": body["name"], "artifacts": artifacts}
        )
        told = {**body, "url": f"aml://asset/{asset['id']}", "datasets": []}
        made, _ = self._client.control("POST", f"{services}/models", told)
        return made

    def image(
        self,
        script: Path,
        source: Path | None,
        models: Sequence[str],
        environment: Mapping[str, Any],
    ) -> dict[str, Any]:
        """Send *script*, with the folder *source* around it if one is told; return what refers to it.

        Raises:
            BadInput: The script is not there, or not in that folder.
        """
        variables = dict(environment.get("environmentVariables") or {})
        with _packed(script, source) as (name, file, entry):
            batch = self.send({name: file})
        asset = {
            "id": name,
            "url": f"aml://artifact/{batch}/{name}",
            "mimeType": "application/octet-stream",
            "unpack": source is not None,
        }
        variables["AZUREML_ENTRY_SCRIPT"] = entry
        return {
            "assets": [asset],
            "modelIds": list(models),
            "environment": {**environment, "environmentVariables": variables},
        }


def fetch(workspace: AzureMl, model: Mapping[str, Any], folder: Path, *, overwrite: bool) -> Path:
    """Fetch the files of *model* into *folder*; return where they are.

    Raises:
        BadInput: One is there already, and *overwrite* is false; nothing was fetched then.
    """
    client, services = workspace.client, f"/modelmanagement/v1.0{workspace.id}"
    asset, _ = client.control("GET", f"{services}/assets/{model['url'].rpartition('/')[2]}")
    prefixes = [str(one["prefix"]) for one in asset["artifacts"]]
    wanted: dict[Path, str] = {}
    for prefix in prefixes:
        address = f"/artifact/v2.0{workspace.id}/artifacts/prefix/contentinfo/{quote(prefix)}"
        found, _ = client.control("GET", address)
        wanted |= {_inside(folder, one["path"]): one["contentUri"] for one in found["value"]}
    there = [target for target in wanted if target.exists()]
    if there and not overwrite:
        raise BadInput(f"{there[0]} is there already: say --overwrite, or another --target-dir.")
    for target, address in wanted.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        where = urlsplit(address)
        with target.open("wb") as file:
            client.fetch_file(f"{where.path}?{where.query}", where.netloc, file)
    return folder / prefixes[-1].rpartition("/")[2]


def _inside(folder: Path, path: str) -> Path:
    """Return where in *folder* a file goes that a node names; never outside of it."""
    target = (folder / path).resolve()
    if not target.is_relative_to(folder.resolve()):
        raise BadInput(f"{path!r} would be written outside of {folder}: nothing was fetched.")
    return target


@contextmanager
def _packed(script: Path, source: Path | None) -> Iterator[tuple[str, Path, str]]:
    """Yield what is sent, and where in it a call begins."""
    if source is None:
        if not script.is_file():
            raise BadInput(f"There is no entry script {script}: mend its name.")
        yield script.name, script, script.name
        return
    folder = source.resolve()
    if not (folder / script).is_file():
        raise BadInput(f"There is no entry script {script} in {source}: mend its name.")
    with tempfile.TemporaryDirectory() as work:
        archive = Path(work) / f"{folder.name}.tar.gz"
        with tarfile.open(archive, "w:gz") as target:
            for name, file in _below(folder).items():
                target.add(file, name, recursive=False)
        yield archive.name, archive, f"{folder.name}/{script.as_posix()}"


def _below(path: Path) -> dict[str, Path]:
    """Return the files at *path* by their names from its folder on.

    Raises:
        BadInput: There is nothing, or no file in it.
    """
    if path.is_file():
        return {path.name: path}
    found = {
        f"{path.name}/{one.relative_to(path).as_posix()}": one
        for one in sorted(path.rglob("*"))
        if one.is_file() and not _LEFT_OUT & set(one.relative_to(path).parts)
    }
    if not found:
        raise BadInput(f"There is no file at {path}: mend its name.")
    return found
