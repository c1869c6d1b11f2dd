"""Uploaded files: announced, sent, fetched."""

from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.compat.azureml.conftest import WORKSPACE, Desk
from tests.support.asking import Reply, ask

BATCH = "/artifact/v2.0{W}/artifacts/batch/metadata/LocalUpload/box"
CONTENT = "/artifact/v2.0{W}/artifacts/prefix/contentinfo/LocalUpload/box"


async def announced(desk: Desk, *paths: str) -> dict[str, str]:
    """Return where each of *paths* may be sent to."""
    asked = {"paths": [{"path": path} for path in paths]}
    told: dict[str, Any] = (await desk.ask("POST", BATCH, asked)).json
    assert set(told["artifacts"]) == set(paths)
    found = told["artifactContentInformation"]
    return {path: found[path]["contentUri"] for path in paths}


async def stored(desk: Desk, method: str, url: str, body: bytes = b"", **more: str) -> Reply:
    """Ask the storage, which knows nobody by a token."""
    parts = urlsplit(url)
    return await ask(
        desk.sealed, method, f"{parts.path}?{parts.query}", body, host=parts.netloc, **more
    )


async def test_a_file_is_sent_where_it_was_announced_and_fetched(desk: Desk) -> None:
    urls = await announced(desk, "a.bin", "folder/b c.bin")
    for path, url in urls.items():
        assert urlsplit(url).hostname == WORKSPACE.storage_host
        sent = await stored(desk, "PUT", url, path.encode(), x_ms_blob_type="BlockBlob")
        assert sent.status == 201
        assert sent.fields["etag"]
    told = (await desk.ask("GET", f"{CONTENT}/folder")).json["value"]
    assert [one["path"] for one in told] == ["folder/b c.bin"]
    fetched = await stored(desk, "GET", told[0]["contentUri"])
    assert fetched.body == b"folder/b c.bin"
    looked_at = await stored(desk, "HEAD", urls["a.bin"])
    assert looked_at.fields["content-length"] == "5"


async def test_an_address_is_for_one_file_and_one_use(desk: Desk) -> None:
    urls = await announced(desk, "a.bin", "b.bin")
    await stored(desk, "PUT", urls["a.bin"], b"one")
    query = urlsplit(urls["a.bin"]).query
    for url in (
        urls["b.bin"].partition("?")[0] + f"?{query}",
        urls["a.bin"].partition("?")[0],
        urls["a.bin"].replace("sp=rcw", "sp=rcwd"),
    ):
        refused = await stored(desk, "PUT", url, b"two")
        assert refused.status == 403
    (read,) = (await desk.ask("GET", f"{CONTENT}/a.bin")).json["value"]
    assert (await stored(desk, "PUT", read["contentUri"], b"two")).status == 403
    assert (await stored(desk, "GET", read["contentUri"])).body == b"one"


async def test_what_somebody_sent_is_not_replaced(desk: Desk) -> None:
    url = (await announced(desk, "a.bin"))["a.bin"]
    await stored(desk, "PUT", url, b"one")
    assert (await stored(desk, "PUT", url, b"one")).status == 201
    assert (await stored(desk, "PUT", url, b"two")).status == 409


@pytest.mark.parametrize("path", ["../../x", "a/../../../etc/passwd", "/etc/passwd", "a//b"])
async def test_no_name_leads_elsewhere(desk: Desk, path: str) -> None:
    url = (await announced(desk, path))[path]
    assert (await stored(desk, "PUT", url, b"x")).status in {400, 403, 404}
    assert list((desk.deck.home / "uploads").iterdir()) == []


async def test_a_file_is_sent_whole(desk: Desk) -> None:
    url = (await announced(desk, "a.bin"))["a.bin"]
    assert (await stored(desk, "PUT", f"{url}&comp=block&blockid=1", b"x")).status == 400
    assert (await stored(desk, "PUT", url, b"x", x_ms_blob_type="PageBlob")).status == 400
    assert (await stored(desk, "DELETE", url)).status == 405


async def test_too_many_are_not_announced_at_once(desk: Desk) -> None:
    asked = {"paths": [{"path": str(number)} for number in range(501)]}
    assert (await desk.ask("POST", BATCH, asked)).status == 400
