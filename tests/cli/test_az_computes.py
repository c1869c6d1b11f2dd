"""`az ml computetarget`: what a command line becomes on the wire."""

import json
from pathlib import Path
from typing import Any

import pytest

from hermetic.cli import main
from tests.support.played_node import Played

ROOT = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"
SPACE = {"subscription_id": "s", "resource_group": "g", "workspace_name": "w", "region": "west"}
ONE = f"{ROOT}/computes/c"
STORED = {
    "id": ONE,
    "name": "c",
    "location": "west",
    "tags": {},
    "properties": {
        "computeType": "AKS",
        "provisioningState": "Succeeded",
        "properties": {
            "agentCount": 3,
            "sslConfiguration": {"status": "Auto", "cname": "a.b", "leafDomainLabel": "a"},
        },
    },
}


@pytest.fixture
def azure(logged_in: Played) -> Played:
    logged_in.answers["GET /azureml/workspace"] = json.dumps(SPACE).encode()
    logged_in.answers[f"GET {ONE}"] = json.dumps(STORED).encode()
    return logged_in


@pytest.fixture
def pems(tmp_path: Path) -> list[str]:
    """The options that give a certificate of one's own."""
    for name in ("cert", "key"):
        (tmp_path / f"{name}.pem").write_text(f"-----BEGIN {name}-----\n")
    files = [f"--ssl-{name}-file={tmp_path / f'{name}.pem'}" for name in ("cert", "key")]
    return ["--ssl-cname", "www.contoso.test", *files]


def typed(*words: str) -> int:
    return main.run(["az", "ml", "computetarget", *words])


def sent(azure: Played) -> dict[str, Any]:
    """Return the body of the one request that changes something."""
    (body,) = [body for method, path, _, body in azure.asked if method == "PUT" and path == ONE]
    told: dict[str, Any] = json.loads(body)
    return told


def test_a_label_is_sent_as_the_client_sends_it(
    azure: Played, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed("create", "aks", "-n", "c", "-a", "2", "--ssl-leaf-domain-label", "contoso") == 0
    ssl = {"status": "Auto", "leafDomainLabel": "contoso", "overwriteExistingDomain": False}
    inner = {"agentCount": 2, "sslConfiguration": ssl}
    properties = {"computeType": "AKS", "computeLocation": None, "properties": inner}
    assert sent(azure) == {"location": "west", "properties": properties}
    shown = json.loads(capsys.readouterr().out)
    assert list(shown) == ["name", "provisioningState", "location", "provisioningErrors"]


def test_a_certificate_of_ones_own_is_sent_as_text(azure: Played, pems: list[str]) -> None:
    assert typed("update", "aks", "-n", "c", *pems) == 0
    body = sent(azure)
    assert body["id"] == ONE
    ssl = body["properties"]["properties"]["sslConfiguration"]
    assert (ssl["status"], ssl["cname"]) == ("Enabled", "www.contoso.test")
    assert ssl["key"].startswith("-----BEGIN key")


@pytest.mark.parametrize("words", [["--ssl-renew"], ["--ssl-renew", "True"]])
def test_a_renewal_sends_what_is_stored(azure: Played, words: list[str]) -> None:
    label = ["--ssl-leaf-domain-label", "other", "--ssl-overwrite-domain", "True"]
    assert typed("update", "aks", "-n", "c", *label, *words) == 0
    ssl = sent(azure)["properties"]["properties"]["sslConfiguration"]
    assert ssl == {"status": "Auto", "cname": "a.b", "leafDomainLabel": "a", "renew": True}


def test_tls_is_disabled_or_left_alone(azure: Played) -> None:
    assert typed("update", "aks", "-n", "c", "--ssl-disable") == 0
    assert sent(azure)["properties"]["properties"]["sslConfiguration"] == {"status": "Disabled"}
    azure.asked.clear()
    assert typed("update", "aks", "-n", "c", "--load-balancer-type", "PublicIp") == 0
    inner = sent(azure)["properties"]["properties"]
    assert "sslConfiguration" not in inner
    assert inner["loadBalancerType"] == "PublicIp"


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["--ssl-cname", "a.b"], 65, "takes all of"),
        (["--ssl-cname", "a--ssl-cert-file", "cert.pem"], 2, "space is missing"),
        (["--ssl-overwrite-domain", "maybe"], 2, "neither True nor False"),
        (["--ssl-disable", "no", "--ssl-cname", "a.b"], 65, "takes all of"),
    ],
)
def test_what_makes_no_sense_is_not_sent(
    azure: Played,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    code: int,
    told: str,
) -> None:
    assert typed("update", "aks", "-n", "c", *words) == code
    assert told in capsys.readouterr().err
    assert not any(method == "PUT" for method, *_ in azure.asked)


def test_a_label_does_not_go_with_a_certificate(azure: Played, pems: list[str]) -> None:
    for words in (["--ssl-leaf-domain-label", "a"], ["--ssl-overwrite-domain"]):
        assert typed("create", "aks", "-n", "c", *pems, *words) == 65
    assert not any(method == "PUT" for method, *_ in azure.asked)


def test_nothing_is_renewed_that_is_not_ours(
    azure: Played, capsys: pytest.CaptureFixture[str]
) -> None:
    own = json.loads(json.dumps(STORED))
    own["properties"]["properties"]["sslConfiguration"]["status"] = "Enabled"
    azure.answers[f"GET {ONE}"] = json.dumps(own).encode()
    assert typed("update", "aks", "-n", "c", "--ssl-renew") == 65
    assert "nothing to renew" in capsys.readouterr().err


def test_computes_are_shown_as_documented(
    azure: Played, capsys: pytest.CaptureFixture[str]
) -> None:
    azure.answers[f"GET {ROOT}/computes"] = json.dumps({"value": [STORED]}).encode()
    assert typed("list") == 0
    (listed,) = json.loads(capsys.readouterr().out)
    assert list(listed) == ["id", "name", "tags", "location", "properties"]
    assert typed("show", "-n", "c", "-o", "tsv") == 0
    assert capsys.readouterr().out.startswith(ONE)


def test_deleting_and_detaching_say_which(azure: Played) -> None:
    assert typed("delete", "-n", "c") == typed("detach", "-n", "c") == 0
    paths = [path for method, path, *_ in azure.asked if method == "DELETE"]
    assert [path.rpartition("=")[2] for path in paths] == ["delete", "detach"]


def test_a_cluster_is_attached_by_its_id(azure: Played) -> None:
    assert typed("attach", "aks", "-n", "c", "-i", "/subscriptions/x") == 0
    assert sent(azure)["properties"]["resourceId"] == "/subscriptions/x"
