"""Tokens over HTTP, for Owners: shown once, listed without their secret, taken back."""

import pytest

from hermetic.access.principals import Role
from tests.support.speaker import joined, token
from tests.support.webnode import WebNode


async def test_a_token_is_shown_once(web: WebNode) -> None:
    given = await token(web, "a.test", roles=("compute",))
    assert given["token"] == f"{given['id']}.{given['macKey']}.{given['root']}"
    listed = await web.client.get("/enrolments")
    (one,) = listed.json()
    assert (one["state"], one["roles"], one["names"]) == ("waiting", ["compute"], ["a.test"])
    assert (one["createdBy"], one["joinedAt"]) == ("admin", None)
    assert given["macKey"] not in listed.text


async def test_what_becomes_of_it_is_listed(web: WebNode) -> None:
    await joined(web)
    (one,) = (await web.client.get("/enrolments")).json()
    assert one["state"] == "joined"
    assert (await web.client.delete(f"/enrolments/{one['id']}")).json() == {"revoked": 0}
    assert (await web.client.get("/enrolments")).json()[0]["state"] == "ended"
    again = await web.client.delete(f"/enrolments/{one['id']}")
    assert (again.status_code, "enrolled" in again.json()["detail"]) == (404, True)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"names": []},
        {"names": ["no name"]},
        {"names": ["a.test"], "roles": ["root"]},
        {"names": ["a.test"], "minutes": 0},
        {"names": ["a.test"], "minutes": 10**9},
        {"names": "a.test"},
    ],
)
async def test_a_token_that_cannot_be_meant_is_refused(
    web: WebNode, body: dict[str, object]
) -> None:
    assert (await web.client.post("/enrolments", json=body)).status_code == 400
    assert (await web.client.get("/enrolments")).json() == []


async def test_nobody_else_gives_sees_or_ends_them(web: WebNode) -> None:
    async with web.holding("somebody", Role.CONTRIBUTOR) as other:
        assert (await other.get("/enrolments")).status_code == 403
        assert (await other.delete("/enrolments/x")).status_code == 403
    async with web.anybody() as anybody:
        body = {"names": ["a.test"]}
        assert (await anybody.post("/enrolments", json=body)).status_code == 401
