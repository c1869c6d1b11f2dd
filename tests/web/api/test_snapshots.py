"""Snapshots over HTTP."""

import io
import zipfile

from hermetic.access.principals import Role
from tests.support.webnode import WebNode


async def taken(web: WebNode) -> str:
    """Take a snapshot of a session with one object, close the session, return the address."""
    session = (await web.client.post("/sessions", json={"runtimeType": "Python"})).json()
    path = f"/sessions/{session['sessionId']}"
    await web.client.post(f"{path}/workspace/model", content=b"bytes")
    answer = await web.client.post(f"{path}/snapshot", json={"name": "first"})
    await web.client.delete(path)
    return f"/snapshots/{answer.json()['snapshotId']}"


async def test_a_snapshot_is_listed_with_its_size(web: WebNode) -> None:
    await taken(web)
    (listed,) = (await web.client.get("/snapshots")).json()
    assert (listed["name"], listed["owner"]) == ("first", "admin")
    assert listed["contentSize"] > 0


async def test_a_snapshot_is_a_zip_of_what_the_session_held(web: WebNode) -> None:
    answer = await web.client.get(await taken(web))
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.read("workspace/model") == b"bytes"


async def test_a_deleted_snapshot_is_gone(web: WebNode) -> None:
    snapshot = await taken(web)
    assert (await web.client.delete(snapshot)).status_code == 200
    assert (await web.client.get(snapshot)).status_code == 404
    assert (await web.client.delete(snapshot)).status_code == 404


async def test_a_snapshot_is_its_owners_alone(web: WebNode) -> None:
    snapshot = await taken(web)
    async with web.holding("eve", Role.OWNER) as other:
        assert (await other.get("/snapshots")).json() == []
        assert (await other.get(snapshot)).status_code == 404
        assert (await other.delete(snapshot)).status_code == 404
