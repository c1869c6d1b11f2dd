import hashlib
import io
import os
import zipfile
from pathlib import Path, PurePosixPath

import pytest

from hermetic.client.bundling import module_file, of_module, of_script, write
from hermetic.errors import BadInput


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    files = {
        "score.py": "def run(): ...",
        "model.pkl": "m",
        "models/a/weights": "w",
        "models/.cache/x": "x",
        "package/__init__.py": "",
        "package/deep/scoring.py": "s",
        "package/__pycache__/scoring.pyc": "c",
        "single.py": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def archive(members: dict[PurePosixPath, Path]) -> bytes:
    file = io.BytesIO()
    write(members, file)
    return file.getvalue()


def names(members: dict[PurePosixPath, Path]) -> list[str]:
    return zipfile.ZipFile(io.BytesIO(archive(members))).namelist()


def test_a_script_lies_beside_its_models(tree: Path) -> None:
    members = of_script(tree / "score.py", [tree / "model.pkl", tree / "models"])
    assert names(members) == ["files/model.pkl", "files/models/a/weights", "files/score.py"]


def test_a_module_of_a_package_takes_the_package_along(tree: Path) -> None:
    members = of_module("package.deep.scoring", tree, [])
    assert names(members) == ["files/package/__init__.py", "files/package/deep/scoring.py"]


def test_a_module_alone_comes_alone(tree: Path) -> None:
    assert names(of_module("single", tree, [])) == ["files/single.py"]
    assert module_file("package", tree) == tree / "package/__init__.py"


def test_the_same_files_make_the_same_bytes(tree: Path) -> None:
    def digest() -> str:
        return hashlib.sha256(archive(of_script(tree / "score.py", [tree / "models"]))).hexdigest()

    before = digest()
    os.utime(tree / "score.py", (1, 1))
    (tree / "score.py").chmod(0o600)
    assert digest() == before
    (tree / "score.py").write_text("def run(x): ...")
    assert digest() != before


def test_a_link_to_a_file_brings_what_it_leads_to(tree: Path) -> None:
    (tree / "link.pkl").symlink_to(tree / "model.pkl")
    zipped = zipfile.ZipFile(io.BytesIO(archive(of_script(tree / "score.py", [tree / "link.pkl"]))))
    assert zipped.read("files/link.pkl") == b"m"


def test_a_link_to_a_folder_is_refused_since_it_may_lead_back(tree: Path) -> None:
    (tree / "models" / "again").symlink_to(tree / "models")
    with pytest.raises(BadInput, match="again is a link to a folder"):
        of_script(tree / "score.py", [tree / "models"])


def test_what_is_missing_or_no_file_is_named(tree: Path) -> None:
    os.mkfifo(tree / "pipe")
    for name, words in (("gone.pkl", "no file or folder"), ("pipe", "neither a file nor")):
        with pytest.raises(BadInput, match=words):
            of_script(tree / "score.py", [tree / name])
    with pytest.raises(BadInput, match=r"no module package\.none"):
        of_module("package.none", tree, [])


def test_two_files_of_one_name_are_refused(tree: Path) -> None:
    with pytest.raises(BadInput, match=r"would both be score\.py"):
        of_script(tree / "score.py", [tree / "score.py"])
