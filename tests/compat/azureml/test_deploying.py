"""Services on the wire, as they are deployed, changed and deleted."""

from typing import Any

import pytest

from tests.compat.azureml.conftest import MMS, SERVICE, Desk

ALL, ONE = f"{MMS}/services", f"{MMS}/services/wine"


def patch(**changes: object) -> list[dict[str, Any]]:
    return [
        {"op": "replace", "path": f"/{path}", "value": value} for path, value in changes.items()
    ]


async def test_whether_a_service_could_be_is_answered_beforehand(desk: Desk) -> None:
    await desk.create()
    free = await desk.ask("POST", f"{ALL}/validate/name/wine", {})
    assert (free.status, free.json) == (200, {})
    assert (await desk.ask("POST", f"{ALL}/validate/resource", SERVICE)).json == {}
    asked = {"type": "Create", "serviceName": "wine", "createRequest": SERVICE}
    assert (await desk.ask("POST", f"{ALL}/validate", asked)).json == {}
    await desk.deploy()
    taken = await desk.ask("POST", f"{ALL}/validate/name/wine", {})
    assert "already" in taken.json["error"]["message"]
    assert "already" in (await desk.ask("POST", f"{ALL}/validate", asked)).json["error"]["message"]
    assert "error" in (await desk.ask("POST", f"{ALL}/validate/name/Not-One", {})).json
    assert (await desk.ask("POST", f"{ALL}/validate", {"type": "Delete"})).json == {}


@pytest.mark.parametrize(
    "more",
    [
        {"computeType": "IOT"},
        {"computeName": None},
        {"computeName": "none"},
        {"name": "Not-One"},
        {"environmentImageRequest": None},
        {"authEnabled": True, "aadAuthEnabled": True},
        {"computeType": "ACI", "aadAuthEnabled": True},
        {"computeType": "ACI", "dnsNameLabel": "a.b"},
        {"keys": {"primaryKey": "short"}},
        {"numReplicas": -1},
        {"sslEnabled": True, "sslCertificate": "x"},
    ],
)
async def test_a_mistake_is_answered_at_once_and_makes_nothing(
    desk: Desk, more: dict[str, object]
) -> None:
    await desk.create()
    refused = await desk.ask("POST", ALL, {**SERVICE, **more})
    assert refused.status in {400, 404}
    assert (await desk.ask("GET", ALL)).json == {"value": []}


async def test_a_patch_changes_what_it_names(desk: Desk) -> None:
    await desk.create()
    await desk.deploy()
    items = patch(kvTags={"new": "1"}, description="d", scoringTimeoutMs=5000)
    items.append({"op": "add", "path": "/properties/more", "value": "1"})
    items.append({"op": "replace", "path": "/autoScaler/maxReplicas", "value": 4})
    await desk.ended(await desk.ask("PATCH", ONE, items))
    told = (await desk.ask("GET", ONE)).json
    assert told["kvTags"] == {"new": "1"}
    assert told["properties"] == {"more": "1"}
    assert (told["description"], told["scoringTimeoutMs"]) == ("d", 5000)
    assert told["autoScaler"]["maxReplicas"] == 4
    assert told["environmentImageRequest"]["assets"]


async def test_a_patch_may_bring_another_script(desk: Desk) -> None:
    await desk.create()
    await desk.deploy()
    before = desk.deck.deployments.find("wine").bundle
    await desk.deck.uploads.put("LocalUpload/new/score.py", _pieces(b"x = 1\n"))
    image = {
        "assets": [{"id": "score.py", "url": "aml://artifact/LocalUpload/new/score.py"}],
        "environment": {"environmentVariables": {"AZUREML_ENTRY_SCRIPT": "score.py"}},
    }
    await desk.ended(await desk.ask("PATCH", ONE, patch(environmentImageRequest=image)))
    assert desk.deck.deployments.find("wine").bundle != before


async def _pieces(data: bytes) -> Any:
    yield data


async def test_keys_give_way_to_tokens_and_back(desk: Desk) -> None:
    await desk.create()
    await desk.deploy()
    await desk.ended(await desk.ask("PATCH", ONE, patch(authEnabled=False, aadAuthEnabled=True)))
    told = (await desk.ask("GET", ONE)).json
    assert (told["authEnabled"], told["aadAuthEnabled"]) == (False, True)
    refused = await desk.ask("PATCH", ONE, patch(authEnabled=True))
    assert refused.status == 400
    await desk.ended(await desk.ask("PATCH", ONE, patch(authEnabled=True, aadAuthEnabled=False)))


async def test_a_key_is_replaced(desk: Desk) -> None:
    await desk.create()
    await desk.deploy()
    before = (await desk.ask("POST", f"{ONE}/listkeys")).json
    asked = {"keyType": "Primary", "keyValue": None}
    await desk.ended(await desk.ask("POST", f"{ONE}/regenerateKeys", asked))
    after = (await desk.ask("POST", f"{ONE}/listkeys")).json
    assert after["primaryKey"] != before["primaryKey"]
    assert after["secondaryKey"] == before["secondaryKey"]
    wrong = await desk.ask("POST", f"{ONE}/regenerateKeys", {"keyType": "Third"})
    assert wrong.status == 400


async def test_what_is_deleted_is_gone_and_deleting_it_again_is_no_harm(desk: Desk) -> None:
    await desk.create()
    await desk.deploy()
    await desk.ended(await desk.ask("DELETE", ONE))
    assert (await desk.ask("GET", ONE)).status == 404
    assert (await desk.ask("DELETE", ONE)).status == 204


async def test_the_certificate_of_a_service_is_checked_and_its_key_never_told(desk: Desk) -> None:
    body = {
        **SERVICE,
        "computeType": "ACI",
        "sslEnabled": True,
        "cname": "www.contoso.test",
        "sslCertificate": "-----BEGIN CERTIFICATE-----",
        "sslKey": "a private key",
    }
    for path in ("", "/validate/resource"):
        refused = await desk.ask("POST", f"{ALL}{path}", body)
        assert "private key" not in refused.body.decode().replace("private key is missing", "")
    plain = {**body, "sslEnabled": False}
    await desk.deck.sources()
    await desk.ended(await desk.ask("POST", ALL, plain))
    told = (await desk.ask("GET", ONE)).json
    assert told["sslKey"] is told["sslCertificate"] is None
    assert told["sslEnabled"] is False
    assert told["scoringUri"] == "http://wine.local.hermetic.internal:8080/score"
