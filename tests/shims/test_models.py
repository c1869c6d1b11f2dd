"""What our client for Azure ML's names does with files, packages and scripts by itself."""

import runpy
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from azureml.core import Environment, _files
from azureml.core._inference import _BEGINNING
from azureml.core.conda_dependencies import CondaDependencies
from azureml.core.model import InferenceConfig, Model, _inside
from azureml.exceptions import (
    AzureMLException,
    ModelNotFoundException,
    UserErrorException,
    WebserviceException,
)
from tests.shims.conftest import Tell

SPECIFICATION = """
name: theirs
channels: [conda-forge]
dependencies:
- python=3.11
- numpy
- pip:
  - azureml-defaults
  - scikit-learn==1.5
"""


def test_a_conda_specification_is_read_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / "conda.yml").write_text(SPECIFICATION)
    made = Environment.from_conda_specification("ours", str(tmp_path / "conda.yml"))
    packages = made.python.conda_dependencies
    assert packages.as_dict() == {
        "name": "theirs",
        "channels": ["conda-forge"],
        "dependencies": [
            "python=3.11",
            "numpy",
            {"pip": ["azureml-defaults", "scikit-learn==1.5"]},
        ],
    }
    assert CondaDependencies(_underlying_structure=packages.as_dict()).as_dict() == (
        packages.as_dict()
    )


@pytest.mark.parametrize(
    "text", ["dependencies: 3", "- a\n- b", "a: [", "!!python/object/apply:os.abort []"]
)
def test_what_is_no_specification_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "conda.yml").write_text(text)
    with pytest.raises(UserErrorException, match=r"conda\.yml"):
        CondaDependencies(str(tmp_path / "conda.yml"))


def test_requirements_are_read_without_remarks(tmp_path: Path) -> None:
    (tmp_path / "r.txt").write_text("# ours\n\nnumpy==2.0  # why\npandas\n")
    made = Environment.from_pip_requirements("ours", str(tmp_path / "r.txt"))
    assert made.python.conda_dependencies.pip_packages == ["numpy==2.0", "pandas"]
    with pytest.raises(UserErrorException, match="none"):
        Environment.from_pip_requirements("ours", str(tmp_path / "none"))


def test_a_clone_changes_for_itself() -> None:
    one = Environment("one")
    other = one.clone("other")
    other.python.conda_dependencies.add_pip_package("numpy")
    other.environment_variables["A"] = "B"
    assert "numpy" not in one.python.conda_dependencies.pip_packages
    assert one.environment_variables == {}


@pytest.mark.parametrize(
    ("name", "text"),
    [("none.py", None), ("a-b.py", ""), ("class.py", ""), ("score.txt", ""), ("bad.py", "def:")],
)
def test_what_cannot_be_a_script_is_refused(tmp_path: Path, name: str, text: str | None) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(WebserviceException, match=name.replace(".", r"\.")):
        InferenceConfig(name, source_directory=str(tmp_path))


def test_images_are_refused_with_what_there_is_instead(tmp_path: Path) -> None:
    (tmp_path / "score.py").write_text("")
    refused: list[dict[str, Any]]
    refused = [{"base_image": "x"}, {"enable_gpu": True}, {"extra_docker_file_steps": "x"}]
    for more in refused:
        with pytest.raises(WebserviceException, match="environment"):
            InferenceConfig("score.py", source_directory=str(tmp_path), **more)


def test_a_conda_file_stands_for_an_environment_and_not_beside_one(tmp_path: Path) -> None:
    (tmp_path / "score.py").write_text("")
    (tmp_path / "conda.yml").write_text(SPECIFICATION)
    told: dict[str, Any] = {"source_directory": str(tmp_path), "conda_file": "conda.yml"}
    made = InferenceConfig("score.py", runtime="python", **told)
    packages = made.environment.python.conda_dependencies.pip_packages
    assert packages == ["azureml-defaults", "scikit-learn==1.5"]
    with pytest.raises(WebserviceException, match="not both"):
        InferenceConfig("score.py", environment=Environment("one"), **told)


def test_what_is_sent_around_a_script_is_what_lies_there(tmp_path: Path) -> None:
    source = tmp_path / "source"
    for name in ("score.py", "data/a.csv", ".git/config", "__pycache__/score.pyc"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text("x")
    with _files.packed(source) as archive, tarfile.open(archive) as packed:
        assert packed.getnames() == ["source/data/a.csv", "source/score.py"]
    assert not archive.exists()


def test_an_empty_folder_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(WebserviceException, match="no file"):
        _files.below(tmp_path)


@pytest.mark.parametrize("path", ["../outside", "a/../../outside", "/etc/outside"])
def test_a_node_cannot_write_outside_of_the_folder(tmp_path: Path, path: str) -> None:
    with pytest.raises(WebserviceException, match="outside"):
        _inside(tmp_path / "folder", path)


def test_inside_it_can(tmp_path: Path) -> None:
    assert _inside(tmp_path, "a/b") == tmp_path.resolve() / "a" / "b"


def test_a_deployed_script_finds_its_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AML_APP_ROOT", str(tmp_path))
    for version in ("2", "10"):
        place = tmp_path / "azureml-models" / "wine" / version / "model.pkl"
        place.parent.mkdir(parents=True)
        place.write_text(version)
    assert Path(Model.get_model_path("wine")).read_text() == "10"
    assert Path(Model.get_model_path("wine", 2)).read_text() == "2"
    with pytest.raises(ModelNotFoundException, match="beer"):
        Model.get_model_path("beer")


@pytest.mark.parametrize("told", [True, False])
def test_the_beginning_hands_calls_to_the_script(tmp_path: Path, tell: Tell, told: bool) -> None:
    second = ", request_headers" if told else ""
    body = "[data, request_headers]" if told else "[data]"
    script = f"def init(): pass\ndef run(data{second}): return {body}\n"
    (tmp_path / "score.py").write_text(script)
    (tmp_path / "wrapper.py").write_text(_BEGINNING)
    tell(AML_APP_ROOT=str(tmp_path), AZUREML_ENTRY_SCRIPT="score.py")
    run = runpy.run_path(str(tmp_path / "wrapper.py"))["run"]
    sys.path.remove(str(tmp_path))
    assert run("x", {"a": "b"}) == (["x", {"a": "b"}] if told else ["x"])


def test_an_exception_tells_all_it_knows() -> None:
    error = WebserviceException("It is gone.", 404, ValueError("why"))
    assert isinstance(error, AzureMLException)
    assert (error.message, error.status_code) == ("It is gone.", 404)
    for word in ("WebserviceException", "It is gone.", "why", '"message": "It is gone."'):
        assert word in str(error)
