"""`az ml service` and `az ml model`: what is asked, and what is printed."""

import json
from pathlib import Path

import pytest

from hermetic.cli import main
from tests.support.played_node import Played

ROOT = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"
MMS = f"/modelmanagement/v1.0{ROOT}"
SPACE = {"subscription_id": "s", "resource_group": "g", "workspace_name": "w", "region": "west"}
SERVICE = {
    "name": "wine",
    "computeType": "AKS",
    "kvTags": {"a": "b"},
    "properties": {},
    "updatedTime": "2026-01-01",
    "state": "Healthy",
    "authEnabled": True,
    "scoringUri": None,
}
MODEL = {"id": "wine:1", "name": "wine", "version": 1, "kvTags": {"a": "b"}, "url": "x"}


@pytest.fixture
def azure(logged_in: Played) -> Played:
    logged_in.answers["GET /azureml/workspace"] = json.dumps(SPACE).encode()
    logged_in.answers[f"GET {MMS}/services/wine"] = json.dumps(SERVICE).encode()
    return logged_in


def typed(*words: str) -> int:
    return main.run(["az", "ml", *words])


def test_a_service_is_shown_in_brief_or_whole(
    azure: Played, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed("service", "show", "-n", "wine") == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["tags"], shown["updatedAt"]) == ({"a": "b"}, "2026-01-01")
    assert "authEnabled" not in shown
    assert typed("service", "show", "-n", "wine", "-v") == 0
    assert json.loads(capsys.readouterr().out)["authEnabled"] is True


def test_services_are_asked_for_by_what_they_are(
    azure: Played, capsys: pytest.CaptureFixture[str]
) -> None:
    query = "&computeType=AKS&modelId=wine%3A1&tags=a%2Cb%3Dc"
    path = f"GET {MMS}/services?expand=true{query}"
    azure.answers[path] = json.dumps({"value": [SERVICE]}).encode()
    words = ["-c", "AKS", "--model-id", "wine:1", "--tag", "a", "--tag", "b=c"]
    assert typed("service", "list", *words) == 0
    assert json.loads(capsys.readouterr().out)[0]["name"] == "wine"


def test_a_token_is_shown_with_its_moments(
    azure: Played, capsys: pytest.CaptureFixture[str]
) -> None:
    token = {"accessToken": "t", "tokenType": "Bearer", "refreshAfter": 0, "expiryOn": 60}
    azure.answers[f"POST {MMS}/services/wine/token"] = json.dumps(token).encode()
    assert typed("service", "get-access-token", "-n", "wine") == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["refreshAfter"] == "1970-01-01T00:00:00+00:00"


def test_a_key_is_replaced_by_one_that_is_told(
    azure: Played, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = {"primaryKey": "one", "secondaryKey": "two"}
    azure.answers[f"POST {MMS}/services/wine/listkeys"] = json.dumps(keys).encode()
    assert typed("service", "regen-key", "-n", "wine", "-k", "secondary", "-s", "two") == 0
    assert json.loads(capsys.readouterr().out) == keys
    (body,) = [body for _, path, _, body in azure.asked if path.endswith("/regenerateKeys")]
    assert json.loads(body) == {"keyType": "Secondary", "keyValue": "two"}


def test_one_that_answers_nobody_is_not_called(
    azure: Played, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed("service", "run", "-n", "wine", "-d", "{}") == 65
    assert "answers nobody" in capsys.readouterr().err


def test_one_is_called_with_its_key(azure: Played, capsys: pytest.CaptureFixture[str]) -> None:
    told = {**SERVICE, "scoringUri": f"{azure.url}/score"}
    azure.answers[f"GET {MMS}/services/wine"] = json.dumps(told).encode()
    azure.answers[f"POST {MMS}/services/wine/listkeys"] = b'{"primaryKey":"k3y"}'
    azure.answers["POST /score"] = b'{"answer":42}'
    assert typed("service", "run", "-n", "wine", "-d", '{"x":1}') == 0
    assert json.loads(capsys.readouterr().out) == {"answer": 42}
    ((headers, body),) = [(h, b) for _, path, h, b in azure.asked if path == "/score"]
    assert (headers["authorization"], body) == ("Bearer k3y", b'{"x":1}')


def test_a_log_is_printed(azure: Played, capsys: pytest.CaptureFixture[str]) -> None:
    azure.answers[f"GET {MMS}/services/wine/logs?tail=7"] = b'{"content":"one\\ntwo\\n"}'
    assert typed("service", "get-logs", "-n", "wine", "-l", "7", "-o", "tsv") == 0
    assert capsys.readouterr().out.startswith("one\ntwo")


def test_models_are_listed_shown_and_deleted(
    azure: Played, capsys: pytest.CaptureFixture[str]
) -> None:
    query = "count=255&name=wine&latestVersionOnly=true"
    azure.answers[f"GET {MMS}/models?{query}"] = json.dumps({"value": [MODEL]}).encode()
    azure.answers[f"GET {MMS}/models/wine:1"] = json.dumps(MODEL).encode()
    assert typed("model", "list", "-n", "wine", "-l") == 0
    (listed,) = json.loads(capsys.readouterr().out)
    assert typed("model", "show", "-i", "wine:1") == 0
    assert json.loads(capsys.readouterr().out) == listed
    assert listed["tags"] == {"a": "b"}
    assert typed("model", "delete", "-i", "wine:1") == 0
    assert any(method == "DELETE" for method, *_ in azure.asked)


def test_a_model_is_told_of_anew(azure: Played, capsys: pytest.CaptureFixture[str]) -> None:
    azure.answers[f"GET {MMS}/models/wine:1"] = json.dumps(MODEL).encode()
    azure.answers[f"PATCH {MMS}/models/wine:1"] = json.dumps(MODEL).encode()
    words = ("--add-tag", "c=d", "--remove-tag", "a", "--add-property", "p=q", "-d", "red")
    assert typed("model", "update", "-i", "wine:1", *words, "--query", "id", "-o", "tsv") == 0
    assert capsys.readouterr().out == "wine:1\n"
    (sent,) = (json.loads(body) for method, _, _, body in azure.asked if method == "PATCH")
    assert {one["path"]: one["value"] for one in sent} == {
        "/kvTags": {"c": "d"},
        "/properties": {"p": "q"},
        "/description": "red",
    }
    assert typed("model", "update", "-i", "wine:1") == 65


def test_the_files_of_a_model_are_fetched_into_a_folder(
    azure: Played, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    azure.answers[f"GET {MMS}/models/wine:1"] = json.dumps({**MODEL, "url": "u/asset"}).encode()
    asset = {"artifacts": [{"prefix": "LocalUpload/c/model.bin"}]}
    azure.answers[f"GET {MMS}/assets/asset"] = json.dumps(asset).encode()
    content = f"/artifact/v2.0{ROOT}/artifacts/prefix/contentinfo/LocalUpload/c/model.bin"
    found = {"value": [{"path": "model.bin", "contentUri": "https://blob.test/file?sig=1"}]}
    azure.answers[f"GET {content}"] = json.dumps(found).encode()
    azure.answers["GET /file?sig=1"] = b"a model"
    assert typed("model", "download", "-i", "wine:1", "-t", str(tmp_path)) == 0
    assert json.loads(capsys.readouterr().out) == {"downloadPath": str(tmp_path / "model.bin")}
    assert (tmp_path / "model.bin").read_bytes() == b"a model"
    assert typed("model", "download", "-i", "wine:1", "-t", str(tmp_path)) == 65
