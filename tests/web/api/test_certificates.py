"""The node's certificates over HTTP."""

import pytest

from hermetic.access.principals import Role
from tests.support.webnode import WebNode


async def test_certificates_are_listed_without_their_keys(web: WebNode) -> None:
    answer = await web.client.get("/certificates")
    api, signing = answer.json()
    assert (api["entry"], api["names"], signing["entry"]) == ("api", ["localhost"], "token-signing")
    assert api["notAfter"].endswith("Z")
    assert signing["nextRenewal"] is None
    assert "PRIVATE" not in answer.text


async def test_a_renewed_certificate_is_another_and_is_presented(web: WebNode) -> None:
    before = (await web.client.get("/certificates")).json()[0]["serial"]
    answer = await web.client.post("/certificates/api/renew")
    after = answer.json()["serial"]
    assert (answer.status_code, after != before) == (200, True)
    assert web.presented == [f"api {after}"]
    assert (await web.client.get("/certificates")).json()[0]["serial"] == after


@pytest.mark.parametrize(("entry", "status"), [("nothing", 404), ("token-signing", 400)])
async def test_what_cannot_be_renewed_is_refused(web: WebNode, entry: str, status: int) -> None:
    assert (await web.client.post(f"/certificates/{entry}/renew")).status_code == status
    assert web.presented == []


@pytest.mark.parametrize("role", [Role.CONTRIBUTOR, Role.READER])
async def test_only_an_owner_may_see_or_renew_them(web: WebNode, role: Role) -> None:
    async with web.holding("somebody", role) as other:
        assert (await other.get("/certificates")).status_code == 403
        assert (await other.post("/certificates/api/renew")).status_code == 403
    assert web.presented == []
