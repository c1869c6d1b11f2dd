import errno
import os
import stat
from pathlib import Path

import pytest

from hermetic.errors import BadInput, BodyTooLarge, NotFound, StorageFull
from hermetic.registry.disk import (
    create_file,
    full_disk_told,
    open_file,
    open_folder,
    plain_files,
    plain_names,
    receive,
    remove_tree,
)
from tests.support.abyss import dig
from tests.support.archives import in_pieces

SECRET = "the key of somebody else"


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key").write_text(SECRET)
    return secret


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "session"
    (folder / "files" / "deep").mkdir(parents=True)
    (folder / "files" / "b").write_text("b")
    (folder / "files" / "deep" / "a").write_text("a")
    return folder


def test_a_plain_file_is_opened(folder: Path) -> None:
    with open_file(folder, "files", "deep", "a") as file:
        assert file.read() == b"a"


def test_a_link_to_a_file_is_not_followed(folder: Path, secret: Path) -> None:
    (folder / "files" / "link").symlink_to(secret / "key")
    with pytest.raises(NotFound):
        open_file(folder, "files", "link")


def test_a_link_to_a_folder_is_not_followed(folder: Path, secret: Path) -> None:
    (folder / "files" / "link").symlink_to(secret)
    with pytest.raises(NotFound):
        open_file(folder, "files", "link", "key")
    with pytest.raises(NotFound), open_folder(folder, "files", "link"):
        pass


def test_a_folder_exchanged_for_a_link_is_not_followed(folder: Path, secret: Path) -> None:
    remove_tree(folder / "files")
    (folder / "files").symlink_to(secret)
    with pytest.raises(NotFound):
        open_file(folder, "files", "key")
    with pytest.raises(NotFound):
        list(plain_files(folder, "files"))


def test_a_second_name_of_a_file_elsewhere_is_not_opened(folder: Path, secret: Path) -> None:
    (folder / "files" / "hard").hardlink_to(secret / "key")
    with pytest.raises(NotFound, match="no plain file"):
        open_file(folder, "files", "hard")


def test_a_pipe_does_not_hold_us(folder: Path) -> None:
    os.mkfifo(folder / "files" / "pipe")
    with pytest.raises(NotFound, match="no plain file"):
        open_file(folder, "files", "pipe")


@pytest.mark.parametrize("name", ["missing", "deep", "", ".", "..", "a\0b"])
def test_what_is_no_file_there_is_not_found(folder: Path, name: str) -> None:
    with pytest.raises(NotFound):
        open_file(folder, "files", name)


def test_files_are_listed_sorted_and_nothing_else_is(folder: Path, secret: Path) -> None:
    (folder / "files" / "link").symlink_to(secret)
    (folder / "files" / "dangling").symlink_to("nowhere")
    os.mkfifo(folder / "files" / "pipe")
    assert list(plain_files(folder, "files")) == [("files", "b"), ("files", "deep", "a")]


def test_a_new_file_is_ours_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        create_file(tmp_path / "new").close()
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        create_file(tmp_path / "new")


def test_a_tree_that_may_not_be_changed_is_removed(folder: Path) -> None:
    for path in (folder / "files" / "deep", folder / "files"):
        path.chmod(0)
    remove_tree(folder)
    assert not folder.exists()


def test_a_tree_of_any_depth_is_removed(folder: Path) -> None:
    dig(folder / "files")
    remove_tree(folder)
    assert not folder.exists()


def test_files_that_lie_too_deep_are_refused_and_the_others_named(folder: Path) -> None:
    dig(folder / "files", depth=40)
    with pytest.raises(BadInput, match="too deep"):
        list(plain_files(folder, "files"))
    assert plain_names(folder, "files") == ["b"]


def test_what_is_not_there_needs_no_removing(tmp_path: Path) -> None:
    remove_tree(tmp_path / "missing")


def test_removing_a_tree_leaves_what_it_links_to(folder: Path, secret: Path) -> None:
    secret.chmod(0o500)
    (folder / "files" / "link").symlink_to(secret)
    remove_tree(folder)
    assert (secret / "key").read_text() == SECRET
    assert stat.S_IMODE(secret.stat().st_mode) == 0o500


def test_a_link_in_place_of_a_tree_is_removed_alone(tmp_path: Path, secret: Path) -> None:
    (tmp_path / "tree").symlink_to(secret)
    remove_tree(tmp_path / "tree")
    assert not (tmp_path / "tree").is_symlink()
    assert (secret / "key").exists()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_told(number: int) -> None:
    with pytest.raises(StorageFull, match="Free some space"), full_disk_told():
        raise OSError(number, os.strerror(number))


def test_another_trouble_is_left_as_it_is() -> None:
    with pytest.raises(PermissionError), full_disk_told():
        raise PermissionError(errno.EACCES, "no")


async def test_what_comes_is_written_and_measured(tmp_path: Path) -> None:
    data = os.urandom(3_000_000)
    with create_file(tmp_path / "new") as target:
        received = await receive(in_pieces(data), target, most=len(data))
    assert (tmp_path / "new").read_bytes() == data
    assert received.size == len(data)


async def test_a_byte_too_many_is_refused(tmp_path: Path) -> None:
    with create_file(tmp_path / "new") as target, pytest.raises(BodyTooLarge):
        await receive(in_pieces(b"x" * 101), target, most=100)


async def test_a_disk_that_fills_up_is_told(tmp_path: Path) -> None:
    with Path("/dev/full").open("r+b", buffering=0) as target, pytest.raises(StorageFull):
        await receive(in_pieces(b"x" * 100), target, most=100)
