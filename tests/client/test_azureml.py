"""What our own command asks of the face of Azure ML."""

import json
from pathlib import Path
from typing import Any

import pytest

from hermetic.client.api import Client
from hermetic.client.azureml import AzureMl, Door
from hermetic.errors import BadInput, DeadlineExceeded, HermeticError
from tests.support.played_node import Played

SPACE = {"subscription_id": "s", "resource_group": "g", "workspace_name": "w", "region": "local"}
ROOT = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"


class Operated(Client):
    """A client that is told of an operation, and of how that goes."""

    def __init__(self, *told: dict[str, Any]) -> None:
        self.told, self.asked = list(told), list[str]()

    def azureml_workspace(self) -> dict[str, str]:
        return SPACE

    def control(self, method: str, path: str, body: object = None) -> tuple[dict[str, Any], str]:
        self.asked.append(f"{method} {path}")
        if path == "/operation":
            return (self.told.pop(0) if len(self.told) > 1 else self.told[0]), ""
        return {"name": "a"}, "" if method == "GET" else "/operation"


def test_the_workspace_is_the_installations_own_unless_another_is_told() -> None:
    assert AzureMl(Operated(), {}).id == ROOT
    assert AzureMl(Operated(), {"workspace_name": "x"}).id == f"{ROOT[:-1]}x"


def test_an_operation_is_waited_for() -> None:
    paused: list[float] = []
    client = Operated({"status": "InProgress"}, {"state": "Running"}, {"status": "Succeeded"})
    workspace = AzureMl(client, {}, pause=paused.append)
    assert workspace.put_compute("a", {}) == {"name": "a"}
    assert len(paused) == 2
    assert client.asked.count("GET /operation") == 3


def test_who_does_not_wait_is_told_at_once() -> None:
    client = Operated({"status": "InProgress"})
    AzureMl(client, {}).put_compute("a", {}, wait=False)
    assert "GET /operation" not in client.asked


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": "BadInput", "message": "It cannot be.", "statusCode": 400}, BadInput),
        ({"code": "Odd", "message": "It cannot be."}, HermeticError),
        (None, HermeticError),
    ],
)
def test_what_it_failed_with_is_raised(
    error: dict[str, Any] | None, kind: type[HermeticError]
) -> None:
    workspace = AzureMl(Operated({"state": "Failed", "error": error}), {})
    with pytest.raises(kind, match=r"It cannot be|failed"):
        workspace.remove_compute("a", "delete")


def test_nobody_waits_for_ever() -> None:
    workspace = AzureMl(Operated({"state": "Running"}), {}, pause=lambda _seconds: None)
    with pytest.raises(DeadlineExceeded):
        workspace.delete_service("a")


class Telling(Operated):
    """A client that is told of a service without TLS, on a compute with it."""

    def control(self, method: str, path: str, body: object = None) -> tuple[dict[str, Any], str]:
        front = {"systemServices": [{"publicIpAddress": "10.0.0.7"}]}
        ssl = {"sslConfiguration": {"cname": "one.test"}}
        if "/computes/" in path:
            return {"properties": {"properties": {**front, **ssl}}}, ""
        uri = "http://[fd00::7]:80/score" if path.endswith("plain") else "https://one.test/score"
        return {"computeType": "AKS", "computeName": "c", "scoringUri": uri}, ""


def test_what_goes_without_tls_has_no_name_though_its_compute_has_one() -> None:
    workspace = AzureMl(Telling(), {})
    assert workspace.door_of_compute("c") == Door("one.test", "10.0.0.7")
    assert workspace.door_of_service("sealed").name == "one.test"
    plain = workspace.door_of_service("plain")
    assert (plain.name, plain.address) == ("", "10.0.0.7")


def test_a_node_is_asked_where_the_client_would(node: Played, ca: Path) -> None:
    node.answers["GET /azureml/workspace"] = json.dumps(SPACE).encode()
    node.answers[f"GET {ROOT}/computes"] = b'{"value":[{"name":"a"}]}'
    with Client(node.url, ca=ca, token="t0k") as client:
        assert AzureMl(client, {}).computes() == [{"name": "a"}]
