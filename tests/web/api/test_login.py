"""Coming in over HTTP."""

from pathlib import Path

import pytest

from hermetic.fronts.proxies import Proxies
from tests.support.accounts import PASSWORD
from tests.support.webnode import WebNode, web_node

RIGHT = {"username": "admin", "password": PASSWORD}


async def test_the_right_password_gives_a_pair_of_tokens(web: WebNode) -> None:
    async with web.anybody() as client:
        tokens = (await client.post("/login", json=RIGHT)).json()
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 3600)
    assert isinstance(tokens["expires_on"], int)
    async with web.anybody(tokens["access_token"]) as client:
        assert (await client.get("/services")).status_code == 200


async def test_a_wrong_password_is_refused_in_json(web: WebNode) -> None:
    async with web.anybody() as client:
        answer = await client.post("/login", json=RIGHT | {"password": "wrong"})
    assert (answer.status_code, answer.headers["www-authenticate"][:6]) == (401, "Bearer")
    assert answer.json()["message"]


async def test_members_we_do_not_know_are_ignored(web: WebNode) -> None:
    async with web.anybody() as client:
        assert (await client.post("/login", json=RIGHT | {"domain": "x"})).status_code == 200


@pytest.mark.parametrize("body", [{}, {"username": "admin"}, RIGHT | {"password": 7}])
async def test_a_login_that_lacks_something_is_refused(
    web: WebNode, body: dict[str, object]
) -> None:
    async with web.anybody() as client:
        assert (await client.post("/login", json=body)).status_code == 400


async def test_a_refreshed_pair_replaces_the_old_one(web: WebNode) -> None:
    async with web.anybody() as client:
        old = (await client.post("/login", json=RIGHT)).json()
        body = {"refreshToken": old["refresh_token"]}
        new = (await client.post("/login/refreshToken", json=body)).json()
    async with web.anybody(old["access_token"]) as client:
        assert (await client.get("/services")).status_code == 401
    async with web.anybody(new["access_token"]) as client:
        assert (await client.get("/services")).status_code == 200


async def test_a_spent_refresh_token_is_refused(web: WebNode) -> None:
    async with web.anybody() as client:
        old = (await client.post("/login", json=RIGHT)).json()
        body = {"refreshToken": old["refresh_token"]}
        assert (await client.post("/login/refreshToken", json=body)).status_code == 200
        assert (await client.post("/login/refreshToken", json=body)).status_code == 401


@pytest.mark.parametrize(
    "spelling", ["/login/refreshToken?refreshToken={}", "/login/refreshToken/{}"]
)
async def test_a_revoked_login_is_over_at_once(web: WebNode, spelling: str) -> None:
    async with web.anybody() as client:
        tokens = (await client.post("/login", json=RIGHT)).json()
        assert (await client.delete(spelling.format(tokens["refresh_token"]))).status_code == 200
        assert (await client.delete(spelling.format(tokens["refresh_token"]))).status_code == 401
    async with web.anybody(tokens["access_token"]) as client:
        assert (await client.get("/services")).status_code == 401


async def test_revoking_nothing_is_refused(web: WebNode) -> None:
    async with web.anybody() as client:
        assert (await client.delete("/login/refreshToken")).status_code == 401


NEW = "An0ther-Word!"


async def test_a_new_password_ends_the_logins_there_were(web: WebNode) -> None:
    async with web.anybody() as client:
        token = (await client.post("/login", json=RIGHT)).json()["access_token"]
    async with web.anybody(token) as client:
        body = {"currentPassword": PASSWORD, "password": NEW}
        assert (await client.put("/account/password", json=body)).status_code == 200
        assert (await client.get("/services")).status_code == 401
    async with web.anybody() as client:
        assert (await client.post("/login", json=RIGHT)).status_code == 401
        again = RIGHT | {"password": NEW}
        assert (await client.post("/login", json=again)).status_code == 200


@pytest.mark.parametrize(
    ("current", "new", "status"),
    [("Wr0ng-Word!", NEW, 401), (PASSWORD, "weak", 400), (PASSWORD, 7, 400)],
)
async def test_a_password_that_is_not_changed_stays(
    web: WebNode, current: str, new: object, status: int
) -> None:
    async with web.anybody() as client:
        token = (await client.post("/login", json=RIGHT)).json()["access_token"]
    async with web.anybody(token) as client:
        body = {"currentPassword": current, "password": new}
        answer = await client.put("/account/password", json=body)
        assert answer.status_code == status
        assert current not in answer.text
        assert (await client.get("/services")).status_code == 200
    async with web.anybody() as client:
        assert (await client.put("/account/password", json=body)).status_code == 401
        assert (await client.post("/login", json=RIGHT)).status_code == 200


@pytest.mark.slow
async def test_behind_a_named_proxy_failures_are_counted_by_client(tmp_path: Path) -> None:
    wrong = RIGHT | {"password": "wrong"}
    async with (
        web_node(tmp_path, proxies=Proxies.parse(["127.0.0.1"])) as node,
        node.anybody() as client,
    ):

        async def attempt(number: int, address: str) -> int:
            body = wrong | {"username": f"somebody-{number}"}
            answer = await client.post("/login", json=body, headers={"X-Forwarded-For": address})
            return answer.status_code

        statuses = [await attempt(number, "192.0.2.7") for number in range(31)]
        assert statuses == [401] * 30 + [429]
        assert await attempt(31, "192.0.2.8") == 401
        # What the client itself wrote before the proxy added its address changes nothing.
        assert await attempt(32, "192.0.2.9, 192.0.2.7") == 429
