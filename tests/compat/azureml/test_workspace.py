"""The names of the workspace, and the addresses made of them."""

import pytest

from hermetic.compat.azureml.workspace import Base, Workspace, is_of_a_workspace

SPACE = Workspace("sub-1", "group", "space", "local", "hermetic.internal", "tenant", "hermetic")


@pytest.mark.parametrize(
    ("prefix", "rest", "part"),
    [
        ("", "", "/arm"),
        ("", "/computes/a", "/arm/computes/a"),
        ("/rp/workspaces", "/computes", "/rp/computes"),
        ("/modelmanagement/v1.0", "/services/a", "/mms/services/a"),
        ("/artifact/v2.0", "/artifacts/x/y", "/art/artifacts/x/y"),
        ("/", "/computes", "/arm/computes"),
    ],
)
def test_each_service_had_a_prefix(prefix: str, rest: str, part: str) -> None:
    assert SPACE.part(f"{prefix}{SPACE.id}{rest}") == part
    assert (
        SPACE.part(f"{prefix}{SPACE.id}{rest}".replace("resourceGroups", "resourcegroups")) == part
    )


@pytest.mark.parametrize(
    "path",
    [
        SPACE.id.replace("/space", "/other"),
        SPACE.id.replace("group", "other"),
        SPACE.id.replace("sub-1", "sub-2"),
        f"/other/v1.0{SPACE.id}",
        "/subscriptions/sub-1",
        "/",
    ],
)
def test_what_is_of_another_is_not_ours(path: str) -> None:
    assert SPACE.part(path) is None


def test_another_workspace_is_known_as_one() -> None:
    assert is_of_a_workspace(SPACE.id.replace("/space", "/other"))
    assert not is_of_a_workspace("/services/wine/1.0")


@pytest.mark.parametrize(
    ("host", "storage"),
    [
        ("localhost:12800", "https://hermetic.blob.hermetic.internal:12800"),
        ("models.example.com", "https://hermetic.blob.hermetic.internal"),
        ("[::1]:12800", "https://hermetic.blob.hermetic.internal:12800"),
        ("[::1]", "https://hermetic.blob.hermetic.internal"),
    ],
)
def test_files_are_sent_to_a_host_of_their_own(host: str, storage: str) -> None:
    assert Base("https", host).storage(SPACE) == storage
