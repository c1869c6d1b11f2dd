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
        # a signature of an account stands for a token there
        *(one for one in open_paths if one.startswith("/acme/")),
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


async def test_what_has_an_account_at_our_authority_signs_what_it_asks(web: WebNode) -> None:
    described = (await web.client.get("/openapi.json")).json()["paths"]
    unsigned = {
        path.removeprefix("/acme/")
        for path, operations in described.items()
        for method, operation in operations.items()
        if path.startswith("/acme/")
        and "application/jose+json" not in operation.get("requestBody", {}).get("content", {})
    }
    assert unsigned == {
        "directory",
        "new-nonce",
        "renewal-info/{certificate}",
        "revoked/{issuer}",
        "roots",
    }


async def test_an_unknown_address_is_not_found(web: WebNode) -> None:
    answer = await web.client.get("/nothing")
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found")
