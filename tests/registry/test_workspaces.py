import os
from pathlib import Path

import pytest

from hermetic.errors import BodyTooLarge, Conflict, NotFound, StorageFull
from hermetic.registry.workspaces import Workspace, clear
from hermetic.serving.bundle import Shelf
from tests.support.archives import in_pieces
from tests.support.room import files_no_larger_than

MOST = 1000


@pytest.fixture
async def workspace(tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path / "session", most=MOST)
    await workspace.create()
    return workspace


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    (tree / "files" / "sub" / "sub").mkdir(parents=True)
    (tree / "files" / "a").write_text("from the tree")
    (tree / "files" / "sub" / "sub" / "b").write_text("deep")
    return tree


async def put(workspace: Workspace, name: str, data: bytes) -> None:
    await workspace.write(Shelf.FILES, name, in_pieces(data))


async def content(workspace: Workspace, name: str) -> bytes:
    with await workspace.read(Shelf.FILES, name) as file:
        return file.read()


async def test_what_was_written_can_be_read_and_listed(workspace: Workspace) -> None:
    await put(workspace, "b", b"1")
    await put(workspace, "a", b"2")
    assert await workspace.names(Shelf.FILES) == ["a", "b"]
    assert await workspace.names(Shelf.WORKSPACE) == []
    assert await content(workspace, "b") == b"1"


async def test_writing_again_replaces(workspace: Workspace) -> None:
    await put(workspace, "a", b"1")
    await put(workspace, "a", b"2")
    assert await content(workspace, "a") == b"2"


async def test_a_session_holds_no_more_than_it_may(workspace: Workspace) -> None:
    await put(workspace, "a", b"x" * 600)
    with pytest.raises(BodyTooLarge):
        await put(workspace, "b", b"x" * 401)
    assert await workspace.names(Shelf.FILES) == ["a"]
    await put(workspace, "b", b"x" * 400)


async def test_an_upload_that_breaks_leaves_what_was_there(workspace: Workspace) -> None:
    await put(workspace, "a", b"before")
    with pytest.raises(BodyTooLarge):
        await put(workspace, "a", b"x" * (MOST + 1))
    assert await content(workspace, "a") == b"before"
    assert len(list(workspace.path.iterdir())) == 2


async def test_a_full_disk_leaves_what_was_there(workspace: Workspace) -> None:
    await put(workspace, "a", b"before")
    with files_no_larger_than(50), pytest.raises(StorageFull):
        await put(workspace, "a", b"x" * 100)
    assert await content(workspace, "a") == b"before"
    assert len(list(workspace.path.iterdir())) == 2


async def test_a_deleted_file_is_gone(workspace: Workspace) -> None:
    await put(workspace, "a", b"1")
    await workspace.delete(Shelf.FILES, "a")
    with pytest.raises(NotFound):
        await workspace.delete(Shelf.FILES, "a")
    with pytest.raises(NotFound):
        await workspace.read(Shelf.FILES, "a")


async def test_a_link_planted_by_the_interpreter_is_replaced_not_followed(
    workspace: Workspace, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("key")
    (workspace.path / "files" / "a").symlink_to(tmp_path / "secret")
    with pytest.raises(NotFound):
        await workspace.read(Shelf.FILES, "a")
    await put(workspace, "a", b"mine")
    assert (tmp_path / "secret").read_text() == "key"
    assert await content(workspace, "a") == b"mine"


async def test_a_shelf_exchanged_for_a_link_is_not_followed(
    workspace: Workspace, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "key").write_text("key")
    (workspace.path / "files").rmdir()
    (workspace.path / "files").symlink_to(tmp_path / "elsewhere")
    for attempt in (put(workspace, "a", b"x"), workspace.delete(Shelf.FILES, "key")):
        with pytest.raises(NotFound):
            await attempt
    assert [path.name for path in (tmp_path / "elsewhere").iterdir()] == ["key"]


async def test_a_folder_is_not_replaced_by_a_file(workspace: Workspace) -> None:
    (workspace.path / "files" / "a").mkdir()
    with pytest.raises(Conflict, match="is a folder"):
        await put(workspace, "a", b"x")


async def test_a_tree_is_copied_over_what_is_there(workspace: Workspace, tree: Path) -> None:
    await put(workspace, "a", b"before")
    await put(workspace, "c", b"stays")
    await workspace.fill(tree, Shelf.FILES)
    assert await content(workspace, "a") == b"from the tree"
    assert await content(workspace, "c") == b"stays"
    deep = workspace.path / "files" / "sub" / "sub" / "b"
    assert deep.read_text() == "deep"
    assert os.access(deep, os.W_OK)


async def test_a_tree_that_is_too_large_is_refused_whole(workspace: Workspace, tree: Path) -> None:
    await put(workspace, "c", b"x" * 990)
    with pytest.raises(BodyTooLarge):
        await workspace.fill(tree, Shelf.FILES)
    assert await workspace.names(Shelf.FILES) == ["c"]


async def test_a_tree_is_not_copied_through_a_link(
    workspace: Workspace, tree: Path, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (workspace.path / "files" / "sub").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Conflict, match="stands where a folder has to go"):
        await workspace.fill(tree, Shelf.FILES)
    assert list((tmp_path / "elsewhere").iterdir()) == []


async def test_a_removed_session_is_gone(workspace: Workspace) -> None:
    await put(workspace, "a", b"x")
    await workspace.remove()
    assert not workspace.path.exists()


def test_what_an_earlier_run_left_is_cleared_away(tmp_path: Path) -> None:
    left = tmp_path / "sessions" / "old" / "files"
    left.mkdir(parents=True)
    (left / "x").write_text("x")
    (tmp_path / "sessions" / "link").symlink_to(tmp_path)
    clear(tmp_path / "sessions")
    assert list((tmp_path / "sessions").iterdir()) == []
    assert tmp_path.is_dir()


def test_to_clear_makes_a_folder_that_nobody_else_can_see(tmp_path: Path) -> None:
    clear(tmp_path / "sessions")
    assert (tmp_path / "sessions").stat().st_mode & 0o777 == 0o700
