"""The wiring."""

from tests.support.webnode import WebNode


async def test_what_needs_no_token_is_a_short_list(web: WebNode) -> None:
    described = (await web.client.get("/openapi.json")).json()["paths"]
    open_paths = {
        path
        for path, operations in described.items()
        for operation in operations.values()
        if operation.get("security") == []
    }
    assert open_paths == {
        "/",
        "/healthz",
        "/livez",
        "/login",
        "/login/refreshToken",
        "/login/refreshToken/{token}",
        "/openapi.json",
        "/problems",
        "/problems/{type}",
        "/readyz",
    }


async def test_an_unknown_address_is_not_found(web: WebNode) -> None:
    answer = await web.client.get("/nothing")
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found")
