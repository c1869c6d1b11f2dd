from tests.support.webnode import WebNode


async def test_every_operation_has_one_name_and_the_authority_is_among_them(web: WebNode) -> None:
    described = (await web.client.get("/openapi.json")).json()["paths"]
    names = [one["operationId"] for path in described.values() for one in path.values()]
    assert len(names) == len(set(names))
    assert {"newAcmeOrder", "giveToken", "getAuthority", "login"} <= {*names}
