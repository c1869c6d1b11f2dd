"""What is Azure ML's, and what is not."""

import pytest

from tests.compat.azureml.conftest import WORKSPACE, Desk
from tests.support.asking import ask


@pytest.mark.parametrize("path", ["/", "/services", "/login", "/score", "/api/wine/1.0", "/x"])
async def test_what_is_not_its_is_handed_on(desk: Desk, path: str) -> None:
    answer = await desk.ask("GET", path)
    assert answer.json["path"] == path


async def test_another_workspace_is_not_found(desk: Desk) -> None:
    other = WORKSPACE.id.replace("/space", "/other")
    answer = await desk.ask("GET", other)
    assert answer.status == 404
    assert answer.code == "NotFound"


async def test_the_control_plane_wants_a_token(desk: Desk) -> None:
    for path in ("/subscriptions", "{W}", "/rp/workspaces{W}/computes", "/azureml/environment"):
        for token in ("", "wrong"):
            assert (await desk.ask("GET", path, token=token)).status == 401


async def test_the_storage_has_a_host_of_its_own(desk: Desk) -> None:
    answer = await ask(desk.sealed, "GET", "/services", host=f"{WORKSPACE.storage_host}:12800")
    assert answer.status == 403


async def test_answers_are_named_and_sealed_for_good(desk: Desk) -> None:
    fields = (await desk.ask("GET", "{W}")).fields
    assert fields["x-request-id"] == "test-1"
    assert fields["strict-transport-security"] == "max-age=1"


async def test_without_tls_there_is_nothing_but_calls(desk: Desk) -> None:
    for path in ("/metadata/endpoints", "/subscriptions", "/msi/token", "/services", WORKSPACE.id):
        assert (await ask(desk.plain, "GET", path, token=desk.token)).status == 404


async def test_no_slash_is_hidden(desk: Desk) -> None:
    answer = await desk.ask("GET", "/api/v1/service/a%2f..%2fb/score")
    assert answer.status == 400
