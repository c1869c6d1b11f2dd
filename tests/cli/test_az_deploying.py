"""`az ml model register`, `model deploy`, `service update`: what is sent."""

import json
from pathlib import Path
from typing import Any

import pytest

from hermetic.cli import main
from tests.cli.test_az_services import MMS, ROOT, SERVICE, SPACE
from tests.support.played_node import Played

STORED = "https://hermetic.blob.test/LocalUpload/c"


@pytest.fixture
def azure(logged_in: Played, monkeypatch: pytest.MonkeyPatch) -> Played:
    monkeypatch.setattr("hermetic.client.azureml_files.uuid.uuid4", _Known)
    logged_in.answers["GET /azureml/workspace"] = json.dumps(SPACE).encode()
    logged_in.answers[f"GET {MMS}/services/wine"] = json.dumps(SERVICE).encode()
    names = ["model.bin", "score.py", "src.tar.gz", "model/a", "model/b/c"]
    contents = {name: {"contentUri": f"{STORED}/{name}?sig=1"} for name in names}
    batch = f"POST /artifact/v2.0{ROOT}/artifacts/batch/metadata/LocalUpload/c"
    logged_in.answers[batch] = json.dumps({"artifactContentInformation": contents}).encode()
    logged_in.answers[f"POST {MMS}/assets"] = b'{"id":"a1"}'
    logged_in.answers[f"POST {MMS}/models"] = b'{"id":"wine:1"}'
    return logged_in


class _Known:
    hex = "c"


def typed(*words: str) -> int:
    return main.run(["az", "ml", *words])


def sent(azure: Played, method: str, path: str) -> Any:
    (body,) = [body for was, to, _, body in azure.asked if (was, to) == (method, path)]
    return json.loads(body)


def stored(azure: Played) -> dict[str, tuple[str, bytes]]:
    """Return what was sent to the storage: by path, the host it was sent to and the content."""
    return {
        path.partition("?")[0]: (headers["host"], body)
        for method, path, headers, body in azure.asked
        if method == "PUT"
    }


def test_a_file_becomes_a_model(
    azure: Played, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "model.bin").write_bytes(b"\x00model")
    words = ["-n", "wine", "-p", str(tmp_path / "model.bin"), "--tag", "a=b"]
    out = tmp_path / "meta.json"
    assert typed("model", "register", *words, "-t", str(out)) == 0
    assert stored(azure) == {"/LocalUpload/c/model.bin": ("hermetic.blob.test", b"\x00model")}
    asset = sent(azure, "POST", f"{MMS}/assets")
    assert asset["artifacts"] == [{"prefix": "LocalUpload/c/model.bin"}]
    told = sent(azure, "POST", f"{MMS}/models")
    assert (told["url"], told["kvTags"]) == ("aml://asset/a1", {"a": "b"})
    assert json.loads(out.read_text()) == json.loads(capsys.readouterr().out)
    assert json.loads(out.read_text())["modelId"] == "wine:1"


def test_a_folder_becomes_a_model_without_what_tools_leave(azure: Played, tmp_path: Path) -> None:
    for name in ("a", "b/c", "__pycache__/d", ".git/e"):
        (tmp_path / "model" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "model" / name).write_text(name)
    assert typed("model", "register", "-n", "wine", "-p", str(tmp_path / "model")) == 0
    assert set(stored(azure)) == {"/LocalUpload/c/model/a", "/LocalUpload/c/model/b/c"}


def test_a_script_is_deployed_on_a_compute(azure: Played, tmp_path: Path) -> None:
    (tmp_path / "score.py").write_text("def run(data): return data\n")
    (tmp_path / "meta.json").write_text('{"modelId": "wine:1"}')
    words = ["-n", "wine", "--ct", "cluster", "--es", str(tmp_path / "score.py"), "--nr", "2"]
    words += ["-m", "beer:3", "-f", str(tmp_path / "meta.json"), "--ae", "--kp", "first-key"]
    assert typed("model", "deploy", *words, "--overwrite") == 0
    body = sent(azure, "POST", f"{MMS}/services")
    assert (body["computeType"], body["computeName"]) == ("AKS", "cluster")
    assert (body["numReplicas"], body["authEnabled"], body["overwrite"]) == (2, True, True)
    assert body["keys"] == {"primaryKey": "first-key"}
    image = body["environmentImageRequest"]
    assert image["modelIds"] == ["beer:3", "wine:1"]
    (asset,) = image["assets"]
    assert asset["url"] == "aml://artifact/LocalUpload/c/score.py"
    assert image["environment"]["environmentVariables"]["AZUREML_ENTRY_SCRIPT"] == "score.py"


def test_files_say_the_same(azure: Played, tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "score.py").write_text("def run(data): return data\n")
    inference = tmp_path / "inference.json"
    environment = {"environmentVariables": {"A": "B"}, "python": {}}
    told = {"entryScript": "score.py", "sourceDirectory": "src", "environment": environment}
    inference.write_text(json.dumps(told))
    deploy = tmp_path / "deploy.json"
    deploy.write_text('{"computeType": "ACI", "authEnabled": true, "dnsNameLabel": "a"}')
    words = ["-n", "wine", "--ic", str(inference), "--dc", str(deploy), "--auth-enabled", "False"]
    assert typed("model", "deploy", *words) == 0
    body = sent(azure, "POST", f"{MMS}/services")
    assert (body["computeType"], body["authEnabled"]) == ("ACI", False)
    assert body["dnsNameLabel"] == "a"
    (asset,) = body["environmentImageRequest"]["assets"]
    assert asset["unpack"] is True
    variables = body["environmentImageRequest"]["environment"]["environmentVariables"]
    assert variables == {"A": "B", "AZUREML_ENTRY_SCRIPT": "src/score.py"}


YAML = {
    "inference.yml": "entryScript: score.py\nenvironment:\n  environmentVariables: {A: B}\n",
    "deploy.yml": "computeType: aks\ncomputeTargetName: cluster\nnumReplicas: 2\n",
    "conda.yml": "name: wine\ndependencies:\n  - python=3.11\n  - pip:\n    - numpy==2.4.6\n",
}


@pytest.fixture
def yaml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a script and with configuration files, in which commands are typed."""
    (tmp_path / "score.py").write_text("def run(data): return data\n")
    for name, text in YAML.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_yaml_says_the_same(azure: Played, yaml: Path) -> None:
    words = ["-n", "wine", "--ic", "inference.yml", "--dc", "deploy.yml", "--cf", "conda.yml"]
    assert typed("model", "deploy", *words) == 0
    body = sent(azure, "POST", f"{MMS}/services")
    assert (body["computeType"], body["computeName"]) == ("AKS", "cluster")
    assert body["numReplicas"] == 2
    environment = body["environmentImageRequest"]["environment"]
    assert environment["environmentVariables"]["A"] == "B"
    listed = environment["python"]["condaDependencies"]["dependencies"]
    assert listed == ["python=3.11", {"pip": ["numpy==2.4.6"]}]


def test_a_service_is_changed_by_files_of_yaml(azure: Played, yaml: Path) -> None:
    words = ["-n", "wine", "--es", "score.py", "--cf", "conda.yml", "--dc", "deploy.yml"]
    assert typed("service", "update", *words) == 0
    items = sent(azure, "PATCH", f"{MMS}/services/wine")
    changed = {item["path"]: item["value"] for item in items}
    assert changed["/numReplicas"] == 2
    assert changed["/environmentImageRequest"]["environment"]["python"]["condaDependencies"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--es", "score.py", "--cf", "bad.yml"], "--conda-file: bad.yml is no YAML at line 1"),
        (["--ic", "bad.yml"], "--inference-config-file: bad.yml is no YAML at line 1, column 5"),
        (["--es", "score.py", "--dc", "bad.yml"], "--deploy-config-file: bad.yml is no YAML"),
        (["--ic", "text.yml"], "environment is no object"),
        (["--cf", "conda.yml"], "--conda-file is for a script"),
    ],
)
def test_what_is_wrong_in_a_file_is_told_and_nothing_sent(
    azure: Played, yaml: Path, capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    (yaml / "bad.yml").write_text("a: b: c\n")
    (yaml / "text.yml").write_text("entryScript: score.py\nenvironment: wine\n")
    assert typed("model", "deploy", "-n", "wine", *words) == 65
    assert told in capsys.readouterr().err
    assert not any(method in {"PUT", "PATCH"} for method, *_ in azure.asked)


def test_a_service_is_changed_by_what_is_told(azure: Played) -> None:
    words = ["-n", "wine", "--tm", "500", "--add-tag", "c=d", "--remove-tag", "a"]
    assert typed("service", "update", *words, "--add-property", "e=f") == 0
    items = sent(azure, "PATCH", f"{MMS}/services/wine")
    assert {item["path"]: item["value"] for item in items} == {
        "/scoringTimeoutMs": 500,
        "/kvTags": {"c": "d"},
        "/properties/e": "f",
    }


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["model", "deploy", "-n", "wine"], "no script"),
        (["model", "deploy", "-n", "wine", "--es", "none.py"], "no entry script"),
        (["model", "deploy", "-n", "wine", "--ic", "none.json"], "cannot be read"),
        (["model", "register", "-n", "wine", "-p", "none"], "no file"),
        (["service", "update", "-n", "wine"], "Nothing is asked for"),
    ],
)
def test_what_is_missing_is_told_and_nothing_sent(
    azure: Played, capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    assert typed(*words) == 65
    assert told in capsys.readouterr().err
    assert not any(method in {"PUT", "PATCH"} for method, *_ in azure.asked)
