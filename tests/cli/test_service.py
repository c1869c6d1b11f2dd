import io
import json
import zipfile
from pathlib import Path

import pytest

from hermetic.cli import main
from hermetic.errors import ServiceExists
from hermetic.wire.problems import reply
from tests.support.played_node import Played

Captured = pytest.CaptureFixture[str]
SCORE = "def run(alcohol: float, labels: list) -> int:\n    return 1\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "score.py").write_text(SCORE)
    (tmp_path / "model.pkl").write_bytes(b"model")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def accepting(logged_in: Played) -> Played:
    logged_in.answers["POST /bundles"] = json.dumps({"digest": "d" * 64}).encode()
    logged_in.answers["POST /services/wine/1.0"] = b'"1.0"'
    logged_in.answers["PATCH /services/wine/1.0"] = b'"1.0"'
    logged_in.answers["POST /services/wine"] = b'"a-guid"'
    return logged_in


def body(node: Played, method: str, path: str) -> bytes:
    return next(one[3] for one in node.asked if one[:2] == (method, path))


def test_services_are_listed(logged_in: Played, capsys: Captured) -> None:
    assert main.run(["service", "list"]) == 0
    titles, row = capsys.readouterr().out.splitlines()
    assert titles.split()[:2] == ["NAME", "VERSION"]
    assert row.split()[:3] == ["wine", "1.0", "admin"]
    assert "alcohol: numeric, labels: vector" in row
    assert logged_in.asked[0][2]["authorization"] == "Bearer t0k"


def test_services_are_listed_as_json(logged_in: Played, capsys: Captured) -> None:
    assert main.run(["service", "list", "wine", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["version"] == "1.0"


def test_the_latest_version_is_shown(logged_in: Played, capsys: Captured) -> None:
    assert main.run(["service", "show", "wine"]) == 0
    shown = capsys.readouterr().out
    assert "Says which cultivar it is." in shown
    assert f"{logged_in.url}/api/wine/1.0" in shown


def test_a_service_that_is_not_there_exits_with_66(logged_in: Played, capsys: Captured) -> None:
    assert main.run(["service", "show", "nothing"]) == 66
    assert "hermetic service list" in capsys.readouterr().err


def test_a_script_is_published_with_its_model(
    accepting: Played, folder: Path, capsys: Captured
) -> None:
    line = ["service", "publish", "score.py", "--name", "wine", "--version", "1.0"]
    assert main.run([*line, "--model", "model.pkl", "--description", "d"]) == 0
    archive = zipfile.ZipFile(io.BytesIO(body(accepting, "POST", "/bundles")))
    assert archive.namelist() == ["files/model.pkl", "files/score.py"]
    request = json.loads(body(accepting, "POST", "/services/wine/1.0"))
    assert request["entry"] == {"kind": "script", "target": "score.py"}
    assert request["bundle"] == "d" * 64
    assert request["inputParameterDefinitions"][1] == {"name": "labels", "type": "vector"}
    assert request["outputParameterDefinitions"] == [{"name": "result", "type": "integer"}]
    assert "hermetic service call wine --version 1.0 alcohol=… labels=…" in capsys.readouterr().err


@pytest.mark.parametrize("options", [[], ["--idempotent"]])
def test_that_a_call_may_be_tried_again_is_said(
    accepting: Played, folder: Path, options: list[str]
) -> None:
    line = ["service", "publish", "score.py", "--name", "wine", "--version", "1.0"]
    assert main.run([*line, *options]) == 0
    request = json.loads(body(accepting, "POST", "/services/wine/1.0"))
    assert request["idempotent"] is bool(options)


def test_a_function_of_a_package_is_published_with_the_package(
    accepting: Played, folder: Path, capsys: Captured
) -> None:
    (folder / "package").mkdir()
    (folder / "package" / "__init__.py").write_text("")
    (folder / "package" / "scoring.py").write_text("def score(x: float) -> float: ...")
    line = ["service", "publish", "package.scoring:score", "--name", "wine", "--json"]
    assert main.run([*line, "--output", "y:numeric"]) == 0
    request = json.loads(body(accepting, "POST", "/services/wine"))
    assert request["entry"] == {"kind": "function", "target": "package.scoring:score"}
    assert request["outputParameterDefinitions"] == [{"name": "y", "type": "numeric"}]
    assert json.loads(capsys.readouterr().out)["version"] == "a-guid"


def test_a_version_that_is_there_is_replaced_only_when_told(
    accepting: Played, folder: Path, capsys: Captured
) -> None:
    accepting.failures["POST /services/wine/1.0"] = reply(ServiceExists("wine", "1.0"), "1").body
    line = ["service", "publish", "score.py", "--name", "wine", "--version", "1.0"]
    assert main.run(line) == 1
    assert "--replace" in capsys.readouterr().err
    assert main.run([*line, "--replace"]) == 0
    assert json.loads(body(accepting, "PATCH", "/services/wine/1.0"))["bundle"] == "d" * 64


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["score.py", "--model", "gone.pkl"], 65, "gone.pkl"),
        (["gone.py"], 65, "gone.py"),
        (["none:run"], 65, "no module none"),
        (["score.py", "--input", "alcohol"], 2, "--input alcohol:numeric"),
        (["score.py", "--input", "alcohol:number"], 65, "use one of logical, numeric"),
        (["score.py", "--input", "other:numeric"], 65, "takes no 'other'"),
        (["model.pkl"], 65, "run()"),
        (["score.py", "--version", "../1"], 65, "cannot be a service's version"),
    ],
)
def test_what_cannot_be_published_is_named_before_anything_is_sent(
    accepting: Played,
    folder: Path,
    capsys: Captured,
    options: list[str],
    code: int,
    words: str,
) -> None:
    assert main.run(["service", "publish", "--name", "wine", *options]) == code
    assert words in capsys.readouterr().err
    assert accepting.asked == []


@pytest.mark.parametrize(
    "inputs", [["alcohol=13.2", "labels=[1]"], ["--data", '{"alcohol": 13.2, "labels": [1]}']]
)
def test_a_service_is_called(logged_in: Played, capsys: Captured, inputs: list[str]) -> None:
    answer = {"success": True, "outputParameters": {"result": 2}, "consoleOutput": "hello\n"}
    logged_in.answers["POST /api/wine/1.0"] = json.dumps(answer).encode()
    assert main.run(["service", "call", "wine", *inputs]) == 0
    assert capsys.readouterr() == ("result  2\n", "hello\n")
    sent = json.loads(body(logged_in, "POST", "/api/wine/1.0"))
    assert sent == {"alcohol": 13.2, "labels": [1]}


def test_inputs_may_come_from_a_file(logged_in: Played, folder: Path, capsys: Captured) -> None:
    (folder / "in.json").write_text('{"alcohol": 1}')
    logged_in.answers["POST /api/wine/1.0"] = b'{"success": true}'
    line = ["service", "call", "wine", "--version", "1.0", "--input", "in.json", "--json"]
    assert main.run(line) == 0
    assert json.loads(capsys.readouterr().out)["success"] is True


def test_code_that_fails_exits_with_1(logged_in: Played, capsys: Captured) -> None:
    logged_in.answers["POST /api/wine/1.0"] = b'{"success": false, "errorMessage": "KeyError: 1"}'
    assert main.run(["service", "call", "wine", "--data", "{}"]) == 1
    assert "KeyError: 1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("inputs", "code"),
    [(["--data", "{"], 65), (["alcohol=x"], 65), (["alcohol=1", "--data", "{}"], 2)],
)
def test_inputs_that_cannot_be_sent_are_refused_here(
    logged_in: Played, inputs: list[str], code: int
) -> None:
    assert main.run(["service", "call", "wine", *inputs]) == code
    assert all(path != "/api/wine/1.0" for _, path, _, _ in logged_in.asked)


def test_a_version_is_deleted(logged_in: Played) -> None:
    assert main.run(["service", "delete", "wine"]) == 2
    assert main.run(["service", "delete", "wine", "--version", "1.0"]) == 0
    assert [one[:2] for one in logged_in.asked] == [("DELETE", "/services/wine/1.0")]
