"""The folder of a call."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hermetic.compute.folder import CallFolder, prints, remove_tree
from hermetic.errors import HermeticError


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    before = Path.cwd()
    yield tmp_path / "call"
    os.chdir(before)


@pytest.fixture
def folder(place: Path) -> CallFolder:
    folder = CallFolder(str(place))
    folder.enter()
    return folder


@pytest.fixture
def filled(place: Path, tmp_path: Path) -> CallFolder:
    (tmp_path / "template" / "deep").mkdir(parents=True)
    (tmp_path / "template" / "a").write_text("a")
    (tmp_path / "template" / "deep" / "b").write_text("b")
    folder = CallFolder(str(place), str(tmp_path / "template"))
    folder.enter()
    return folder


def test_it_is_the_working_directory(folder: CallFolder, place: Path) -> None:
    assert Path.cwd() == place
    assert folder.changed() == []


def test_new_files_are_told_and_removed(folder: CallFolder, place: Path) -> None:
    (place / "d" / "e").mkdir(parents=True)
    (place / "d" / "e" / "f").write_text("x")
    (place / "link").symlink_to("/etc")
    assert folder.changed() == ["d/e/f", "link"]
    assert folder.reset()
    assert not list(place.iterdir())


def test_the_files_each_call_starts_with_are_brought_back(filled: CallFolder, place: Path) -> None:
    (place / "a").unlink()
    (place / "deep" / "b").write_text("changed")
    (place / "new" / "er").mkdir(parents=True)
    assert filled.changed() == ["deep/b"]
    assert filled.reset()
    assert prints(str(place)).keys() == {"a", "deep/b"}
    assert (place / "deep" / "b").read_text() == "b"
    assert not (place / "new").exists()


def test_files_that_were_not_touched_stay(filled: CallFolder, place: Path) -> None:
    before = prints(str(place))
    (place / "new").write_text("x")
    assert filled.reset()
    assert prints(str(place)) == before


def test_what_is_there_can_be_adopted(folder: CallFolder, place: Path, tmp_path: Path) -> None:
    (place / "made").write_text("x")
    folder.adopt(str(tmp_path / "start"))
    assert folder.reset()
    (place / "made").write_text("changed")
    assert folder.reset()
    assert (place / "made").read_text() == "x"


def test_a_call_that_moved_elsewhere_is_brought_back(folder: CallFolder, place: Path) -> None:
    os.chdir("/")
    assert folder.reset()
    assert Path.cwd() == place


def test_a_folder_that_was_removed_is_made_again(folder: CallFolder, place: Path) -> None:
    place.rmdir()
    assert folder.changed() == []
    assert folder.reset()
    assert Path.cwd() == place


def test_a_folder_replaced_by_a_link_is_given_up(folder: CallFolder, place: Path) -> None:
    place.rmdir()
    place.symlink_to("/")
    assert not folder.reset()


def test_files_are_read_and_what_is_none_is_null(folder: CallFolder, place: Path) -> None:
    (place / "a").write_bytes(b"x")
    (place / "link").symlink_to("a")
    (place / "d").mkdir()
    os.mkfifo(place / "pipe")
    found = folder.read(["a", "link", "d", "pipe", "none"], 10)
    assert found == {"a": b"x", "link": None, "d": None, "pipe": None, "none": None}


def test_files_are_bounded_together(folder: CallFolder, place: Path) -> None:
    for name in "ab":
        (place / name).write_bytes(b"xxx")
    assert folder.read(["a", "b"], 6) == {"a": b"xxx", "b": b"xxx"}
    with pytest.raises(HermeticError, match="'b' is too large"):
        folder.read(["a", "b"], 5)


def test_a_tree_is_removed_but_not_what_its_links_lead_to(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").write_text("x")
    gone = tmp_path / "gone"
    (gone / "a" / "b").mkdir(parents=True)
    (gone / "a" / "b" / "link").symlink_to(kept)
    (gone / "a" / "file").write_text("x")
    remove_tree(str(gone))
    assert not gone.exists()
    assert (kept / "file").exists()


def test_removing_what_is_not_there_does_nothing(tmp_path: Path) -> None:
    remove_tree(str(tmp_path / "none"))
    assert tmp_path.exists()


def settle(folder: CallFolder) -> None:
    """Look at an empty folder until its time of change lies far enough back to be relied on."""
    end = time.monotonic() + 5
    while folder._empty_at < 0:
        assert folder.changed() == []
        assert time.monotonic() < end


@pytest.mark.parametrize("forged", [False, True])
def test_a_file_in_a_folder_known_to_be_empty_is_found(place: Path, *, forged: bool) -> None:
    folder = CallFolder(str(place))
    folder.enter()
    settle(folder)
    before = place.stat()
    (place / "new").write_text("x")
    if forged:  # what a program can set is the time of writing, not that of change
        os.utime(place, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert folder.changed() == ["new"]
    assert folder.reset()
    assert list(place.iterdir()) == []


def test_a_folder_known_to_be_empty_is_made_again_when_it_is_removed(place: Path) -> None:
    folder = CallFolder(str(place))
    folder.enter()
    settle(folder)
    place.rmdir()
    assert folder.changed() == []
    assert folder.reset(quiet=True)
    assert place.is_dir()
