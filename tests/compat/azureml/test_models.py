"""Assets and models on the wire."""

from typing import Any

from hermetic.compat.azureml.models import has
from tests.compat.azureml.conftest import MMS, Desk
from tests.support.deploying import pieces

FILE = "LocalUpload/box/model.bin"


async def registered(desk: Desk, name: str = "wine", **more: object) -> dict[str, Any]:
    await desk.deck.uploads.put(FILE, pieces(b"a model"))
    asset = {"name": name, "artifacts": [{"prefix": FILE}]}
    made = (await desk.ask("POST", f"{MMS}/assets", asset)).json
    assert (await desk.ask("GET", f"{MMS}/assets/{made['id']}")).json == made
    body = {
        "name": name,
        "datasets": [],
        "url": f"aml://asset/{made['id']}",
        "mimeType": "application/x-python",
        "unpack": False,
        **more,
    }
    told: dict[str, Any] = (await desk.ask("POST", f"{MMS}/models", body)).json
    return told


async def test_a_model_is_read_as_it_was_registered(desk: Desk) -> None:
    made = await registered(desk, kvTags={"a": "b"}, description="d", framework="Custom")
    assert (made["id"], made["version"], made["datasets"]) == ("wine:1", 1, [])
    assert (await desk.ask("GET", f"{MMS}/models/wine:1")).json == made
    assert made["framework"] == "Custom"
    missing = await desk.ask("GET", f"{MMS}/models/none:1")
    assert (missing.status, missing.json["statusCode"]) == (404, 404)


async def test_models_are_found_by_what_is_asked(desk: Desk) -> None:
    await registered(desk, kvTags={"a": "b"})
    await registered(desk, kvTags={"c": "d"})
    await registered(desk, "beer", framework="Onnx")

    async def found(query: str) -> list[str]:
        told = (await desk.ask("GET", f"{MMS}/models?count=255&{query}")).json
        assert "nextLink" not in told
        return [one["id"] for one in told["value"]]

    assert await found("") == ["beer:1", "wine:2", "wine:1"]
    assert await found("name=wine&latestVersionOnly=true") == ["wine:2"]
    assert await found("tags=a") == ["wine:1"]
    assert await found("tags=a=x") == []
    assert await found("framework=Onnx") == ["beer:1"]


async def test_tags_change_and_properties_are_only_added(desk: Desk) -> None:
    await registered(desk, properties={"once": "1"})
    one = f"{MMS}/models/wine:1"
    items = [
        {"op": "replace", "path": "/kvTags", "value": {"a": "b"}},
        {"op": "add", "path": "/properties/more", "value": "2"},
        {"op": "replace", "path": "/description", "value": "d"},
    ]
    told = (await desk.ask("PATCH", one, items)).json
    assert told["kvTags"] == {"a": "b"}
    assert told["properties"] == {"once": "1", "more": "2"}
    assert (await desk.ask("GET", one)).json == told
    for op in ("replace", "remove"):
        wrong = [{"op": op, "path": "/properties/once", "value": "2"}]
        assert (await desk.ask("PATCH", one, wrong)).status == 400


async def test_a_model_is_deleted(desk: Desk) -> None:
    await registered(desk)
    assert (await desk.ask("DELETE", f"{MMS}/models/wine:1")).status == 200
    assert (await desk.ask("DELETE", f"{MMS}/models/wine:1")).status == 404


async def test_what_was_not_sent_is_no_model(desk: Desk) -> None:
    asset = {"name": "m", "artifacts": [{"prefix": "LocalUpload/none"}]}
    assert (await desk.ask("POST", f"{MMS}/assets", asset)).status == 404
    body = {"name": "m", "url": "https://elsewhere.test/model"}
    assert (await desk.ask("POST", f"{MMS}/models", body)).status == 400


def test_tags_are_asked_for_by_key_or_by_key_and_value() -> None:
    tags = {"a": "1", "b": "2"}
    assert has(tags, "")
    assert has(tags, "a,b=2")
    assert not has(tags, "a,b=3")
    assert not has(tags, "c")
