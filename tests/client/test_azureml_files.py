"""What our own command sends to the face of Azure ML: in batches, packed."""

import io
import tarfile
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from hermetic.client.azureml_files import Sending
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
