"""What our own command sends to the face of Azure ML, in batches and packed; what it fetches."""

import io
import tarfile
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from hermetic.client.azureml_files import Sending, fetch
from hermetic.errors import BadInput


class Played:
    """A client of a workspace that takes what is sent."""

    id, name = "/subscriptions/s", "w"

    def __init__(self) -> None:
        self.client = self
        self.batches: list[int] = []
        self.kept: dict[str, bytes] = {}

    def control(self, method: str, path: str, body: Any) -> tuple[dict[str, Any], str]:
        assert method == "POST"
        paths = [one["path"] for one in body["paths"]]
        self.batches.append(len(paths))
        batch = path.rpartition("/metadata/")[2]
        urls = {one: {"contentUri": f"https://blob.test/{batch}/{one}?sig=1"} for one in paths}
        return {"artifactContentInformation": urls}, ""

    def send_file(self, path: str, host: str, content: BinaryIO) -> None:
        assert host == "blob.test"
        self.kept[path.partition("?")[0]] = content.read()


def sending(played: Played) -> Sending:
    return Sending(played)  # type: ignore[arg-type]  # all of a workspace that is used


def test_many_files_are_announced_fifty_at_a_time(tmp_path: Path) -> None:
    files = {}
    for number in range(120):
        files[f"f{number}"] = tmp_path / f"f{number}"
        files[f"f{number}"].write_bytes(b"%d" % number)
    played = Played()
    batch = sending(played).send(files)
    assert played.batches == [50, 50, 20]
    assert played.kept[f"/{batch}/f119"] == b"119"


def test_a_folder_is_packed_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "src" / "lib").mkdir(parents=True)
    for name in ("score.py", "lib/a.py", ".azureml"):
        (tmp_path / "src" / name).write_text(name)
    played = Played()
    image = sending(played).image(Path("score.py"), tmp_path / "src", ["m:1"], {})
    ((_, packed),) = played.kept.items()
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        assert sorted(archive.getnames()) == ["src/lib/a.py", "src/score.py"]
    variables = image["environment"]["environmentVariables"]
    assert variables == {"AZUREML_ENTRY_SCRIPT": "src/score.py"}
    assert image["modelIds"] == ["m:1"]


def test_a_script_that_is_not_there_is_told(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    for source in (None, tmp_path / "src"):
        with pytest.raises(BadInput, match="no entry script"):
            sending(Played()).image(Path("none.py"), source, [], {})


class Kept(Played):
    """A client of a workspace in which a model has files of these paths."""

    def __init__(self, *paths: str) -> None:
        super().__init__()
        self.paths = paths

    def control(self, method: str, path: str, body: Any = None) -> tuple[dict[str, Any], str]:
        if "/assets/" in path:
            return {"artifacts": [{"prefix": "LocalUpload/c/m"}]}, ""
        assert (method, path.rpartition("/contentinfo/")[2]) == ("GET", "LocalUpload/c/m")
        value = [
            {"path": one, "contentUri": f"https://blob.test/{one}?sig=1"} for one in self.paths
        ]
        return {"value": value}, ""

    def fetch_file(self, path: str, host: str, target: BinaryIO) -> None:
        assert host == "blob.test"
        target.write(path.encode())


def fetched(kept: Kept, folder: Path, *, overwrite: bool = False) -> Path:
    return fetch(kept, {"url": "aml://asset/a"}, folder, overwrite=overwrite)  # type: ignore[arg-type]


def test_a_model_is_fetched_with_its_folders(tmp_path: Path) -> None:
    assert fetched(Kept("m/a", "m/b/c"), tmp_path) == tmp_path / "m"
    assert (tmp_path / "m" / "b" / "c").read_text() == "/m/b/c?sig=1"


def test_what_is_there_is_replaced_only_on_demand(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "b").write_text("mine")
    kept = Kept("m/a", "m/b")
    with pytest.raises(BadInput, match="--overwrite"):
        fetched(kept, tmp_path)
    assert [one.name for one in (tmp_path / "m").iterdir()] == ["b"]
    fetched(kept, tmp_path, overwrite=True)
    assert (tmp_path / "m" / "b").read_text() == "/m/b?sig=1"


@pytest.mark.parametrize("path", ["../out", "m/../../out", "/etc/out"])
def test_a_node_cannot_write_outside_of_the_folder(tmp_path: Path, path: str) -> None:
    with pytest.raises(BadInput, match="outside"):
        fetched(Kept("m/a", path), tmp_path / "folder", overwrite=True)
    assert not (tmp_path / "folder").exists()
