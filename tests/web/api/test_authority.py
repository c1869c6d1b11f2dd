"""The authority and its root over HTTP, for Owners."""

import pytest

from hermetic.access.principals import Role
from tests.support.speaker import joined
from tests.support.webnode import WebNode


async def test_the_root_is_replaced_once_all_trust_the_next(web: WebNode) -> None:
    speaker = await joined(web)
    assert web.cases.certifying is not None
    replacing = web.cases.certifying.replacing
    first = (await speaker.post("trust", {"holds": []})).json()
    shown = (await web.client.get("/authority")).json()
    assert (shown["state"], shown["nextRoot"], len(first["roots"])) == ("steady", None, 1)
    replaced = (await web.client.post("/authority/replace", json={})).json()
    assert (replaced["state"], replaced["waitingFor"]) == ("prepared", ["a.test"])
    told = (await speaker.post("trust", {"holds": [shown["root"]]})).json()
    assert len(told["roots"]) == 2
    assert not await replacing.go_on()
    await speaker.post("trust", {"holds": [shown["root"], replaced["nextRoot"]]})
    web.cases.certifying.replacing._settled *= 0
    assert await replacing.go_on()
    after = (await web.client.get("/authority")).json()
    assert (after["state"], after["root"]) == ("replaced", replaced["nextRoot"])
    early = await web.client.post("/authority/retire", json={})
    assert early.status_code == 409
    ended = (await web.client.post("/authority/retire", json={"force": True})).json()
    assert (ended["state"], ended["previousRoot"]) == ("steady", None)


@pytest.mark.parametrize("role", [Role.CONTRIBUTOR, Role.READER])
async def test_nobody_else_sees_or_replaces_it(web: WebNode, role: Role) -> None:
    async with web.holding("somebody", role) as other:
        for method, path in (("GET", ""), ("POST", "/replace"), ("POST", "/retire")):
            answer = await other.request(method, f"/authority{path}", json={})
            assert answer.status_code == 403
    async with web.anybody() as anybody:
        assert (await anybody.get("/authority")).status_code == 401
