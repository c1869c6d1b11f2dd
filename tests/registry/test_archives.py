import io
import os
import stat
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermetic.errors import BundleRejected
from hermetic.registry.archives import inspect, pack, unpack
from hermetic.registry.disk import remove_tree
from tests.registry.conftest import BOUNDS
from tests.support.archives import with_lie, with_link, zipped

GOOD = zipped({"files/": b"", "files/a/b.txt": b"hello", "workspace/model": b"\x80dill"})


def unpacked(data: bytes, target: Path) -> dict[str, bytes]:
    unpack(io.BytesIO(data), target, BOUNDS)
    return {
        str(path.relative_to(target)): path.read_bytes()
        for path in target.rglob("*")
        if path.is_file()
    }


def packed(folder: Path) -> bytes:
    buffer = io.BytesIO()
    pack(folder, buffer, BOUNDS)
    return buffer.getvalue()


@pytest.fixture
def session(tmp_path: Path) -> Path:
    folder = tmp_path / "session"
    for shelf in ("files", "workspace"):
        (folder / shelf).mkdir(parents=True)
    (folder / "files" / "b.txt").write_text("b")
    (folder / "files" / "sub").mkdir()
    (folder / "files" / "sub" / "a.txt").write_text("a")
    (folder / "workspace" / "model").write_bytes(b"\x80dill")
    return folder


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_bundle_is_unpacked(tmp_path: Path, method: int) -> None:
    content = {"files/a/b.txt": b"hello" * 1000, "workspace/model": b"\x80dill"}
    assert unpacked(zipped(content, method=method), tmp_path / "tree") == content


def test_what_is_unpacked_can_be_read_and_nothing_else(tmp_path: Path) -> None:
    unpacked(zipped({"files/a/b": b"x"}, mode=0o4777), tmp_path / "tree")
    modes = {
        (path.is_dir(), stat.S_IMODE(path.stat().st_mode))
        for path in [tmp_path / "tree", *(tmp_path / "tree").rglob("*")]
    }
    assert modes == {(True, 0o500), (False, 0o400)}


def test_both_shelves_are_always_there(tmp_path: Path) -> None:
    unpacked(zipped({}), tmp_path / "tree")
    assert sorted(path.name for path in (tmp_path / "tree").iterdir()) == ["files", "workspace"]


def test_the_files_of_a_bundle_are_counted() -> None:
    assert inspect(io.BytesIO(GOOD), BOUNDS) == 2


def test_what_was_never_looked_at_may_be_any_pickle(tmp_path: Path) -> None:
    # It would make a file called `ran` if anything loaded it.
    evil = b"cos\nsystem\n(S'touch " + str(tmp_path / "ran").encode() + b"'\ntR."
    unpacked(zipped({"workspace/model": evil}), tmp_path / "tree")
    assert not (tmp_path / "ran").exists()


BOMB = zipped({"files/zeros": b"\0" * 3_900_000})


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK",
        b"no archive" * 1000,
        GOOD[:-1],
        GOOD[:100],
        GOOD[50:],
        GOOD + b"x",
        b"#!/bin/sh\n" + GOOD,
        BOMB,
        zipped({f"files/{number}": b"" for number in range(51)}),
        with_link("files/link", "/etc/passwd"),
        zipped({"/etc/passwd": b"x"}),
        zipped({"files/../../x": b"x"}),
        zipped({"files/A": b"x", "files/a": b"x"}),
        zipped({"files/a": b"x"}, method=zipfile.ZIP_LZMA),
        zipped({"files/a": b"x"}, method=zipfile.ZIP_BZIP2),
        with_lie("files/a", b"x" * 1000, 10),
        with_lie("files/a", b"x" * 1000, 2000),
    ],
)
def test_a_bad_archive_is_refused_and_leaves_nothing_outside(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(BundleRejected):
        unpacked(data, tmp_path / "tree")
    assert {path.name for path in tmp_path.iterdir()} <= {"tree"}


def test_a_wrong_checksum_is_refused(tmp_path: Path) -> None:
    data = bytearray(zipped({"files/a": b"hello"}, method=zipfile.ZIP_STORED))
    data[data.index(b"hello")] ^= 1
    with pytest.raises(BundleRejected, match="damaged"):
        unpacked(bytes(data), tmp_path / "tree")


def test_a_name_that_differs_in_its_two_places_is_refused(tmp_path: Path) -> None:
    data = zipped({"files/a": b"hello"}).replace(b"files/a", b"files/b", 1)
    with pytest.raises(BundleRejected, match="damaged"):
        unpacked(data, tmp_path / "tree")


def test_a_name_cut_off_by_a_nul_is_refused(tmp_path: Path) -> None:
    data = zipped({"files/a_b": b"hello"}).replace(b"files/a_b", b"files/a\0b")
    with pytest.raises(BundleRejected):
        unpacked(data, tmp_path / "tree")


@given(st.integers(0, len(GOOD) - 1), st.binary(min_size=1, max_size=8), st.booleans())
def test_damage_of_any_kind_is_refused_or_harmless(place: int, junk: bytes, cuts: bool) -> None:
    data = GOOD[:place] + junk + (b"" if cuts else GOOD[place + len(junk) :])
    try:
        assert inspect(io.BytesIO(data), BOUNDS) <= 2
    except BundleRejected:
        return


def test_what_was_packed_is_unpacked_the_same(tmp_path: Path, session: Path) -> None:
    assert unpacked(packed(session), tmp_path / "tree") == {
        "files/b.txt": b"b",
        "files/sub/a.txt": b"a",
        "workspace/model": b"\x80dill",
    }


def test_equal_content_makes_equal_bytes(tmp_path: Path, session: Path) -> None:
    first = packed(session)
    for path in session.rglob("*"):
        os.utime(path, (0, 0))
        path.chmod(0o700)
    later = session.rename(tmp_path / "another")
    assert packed(later) == first


def test_other_content_makes_other_bytes(session: Path) -> None:
    first = packed(session)
    (session / "files" / "b.txt").write_text("c")
    assert packed(session) != first


def test_an_empty_session_makes_an_empty_bundle(session: Path) -> None:
    for shelf in ("files", "workspace"):
        remove_tree(session / shelf)
        (session / shelf).mkdir()
    assert inspect(io.BytesIO(packed(session)), BOUNDS) == 0


def test_links_and_pipes_are_left_out(tmp_path: Path, session: Path) -> None:
    before = packed(session)
    (tmp_path / "secret").write_text("key")
    (session / "files" / "link").symlink_to(tmp_path / "secret")
    (session / "files" / "hard").hardlink_to(tmp_path / "secret")
    (session / "workspace" / "link").symlink_to(tmp_path / "secret")
    os.mkfifo(session / "files" / "pipe")
    assert packed(session) == before


@pytest.mark.parametrize("name", ["a\\b", "a\nb", "C:x"])
def test_a_name_that_cannot_be_kept_is_told(session: Path, name: str) -> None:
    (session / "files" / name).write_text("x")
    with pytest.raises(BundleRejected, match="rename the file"):
        packed(session)


def test_a_name_that_is_no_text_is_told(session: Path) -> None:
    (session / "files" / os.fsdecode(b"\xff")).write_text("x")
    with pytest.raises(BundleRejected, match="rename the file"):
        packed(session)


def test_more_than_a_bundle_may_hold_is_refused(session: Path) -> None:
    (session / "files" / "large").write_bytes(b"x" * (BOUNDS.archive + 1))
    with pytest.raises(BundleRejected, match="larger than"):
        packed(session)
