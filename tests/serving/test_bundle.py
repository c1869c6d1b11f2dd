import stat
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermetic.errors import BundleRejected
from hermetic.serving.bundle import Bounds, Member, Place, check_tail, places

BOUNDS = Bounds(archive=10_000, unpacked=5_000, members=5, ratio=10, ratio_counts_from=1_000)


def member(name: str, size: int = 10, *, mode: int = 0, encrypted: bool = False) -> Member:
    return Member(name, size, min(size, 10), mode, encrypted)


def placed(*names: str) -> tuple[Place, ...]:
    return places([member(name, 0 if name.endswith("/") else 10) for name in names], 5_000, BOUNDS)


def end(
    *,
    entries: int = 1,
    here: int | None = None,
    size: int = 50,
    offset: int = 100,
    comment: int = 0,
    disk: int = 0,
) -> bytes:
    counted = entries if here is None else here
    return struct.pack("<4s4H2LH", b"PK\5\6", disk, 0, counted, entries, size, offset, comment)


def test_files_and_objects_have_their_places() -> None:
    assert placed("files/", "files/a/b.txt", "workspace/model") == (
        Place(("files",), is_folder=True),
        Place(("files", "a", "b.txt"), is_folder=False),
        Place(("workspace", "model"), is_folder=False),
    )


def test_a_bundle_may_be_empty() -> None:
    assert placed() == ()


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd",
        "//files/a",
        "files/../../etc/passwd",
        "files/..",
        "../files/a",
        "files/./a",
        "files//a",
        "files\\..\\a",
        "files/a\\b",
        "C:/files/a",
        "files/C:a",
        "files/a\0b",
        "files/a\nb",
        "files/" + "a" * 256,
        "files/" + "é" * 128,
        "files/" + "a/" * 40 + "a",
        "files/" + "\ud800",
        "",
        "/",
        "files",
        "workspace",
        "other/a",
        "Files/a",
        "score.py",
        "workspace/a/b",
        "workspace/a/",
    ],
)
def test_a_name_that_could_lead_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(BundleRejected):
        placed(name)


@pytest.mark.parametrize(
    "names",
    [
        ("files/a", "files/a"),
        ("files/a", "files/A"),
        ("files/stra\u00dfe", "files/STRASSE"),
        ("files/\u00e9", "files/e\u0301"),
        ("files/a", "files/a/b"),
        ("files/a/b", "files/a"),
        ("files/a/", "files/a"),
        ("files/a/b", "files/A/c"),
    ],
)
def test_two_names_that_would_be_one_file_are_refused(names: tuple[str, str]) -> None:
    with pytest.raises(BundleRejected, match="the same name twice"):
        placed(*names)


def test_a_folder_may_be_named_before_and_after_what_is_in_it() -> None:
    assert len(placed("files/a/b", "files/a/", "files/a/c", "files/")) == 4


@pytest.mark.parametrize(
    "kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK, stat.S_IFDIR]
)
def test_what_is_neither_file_nor_folder_is_refused(kind: int) -> None:
    with pytest.raises(BundleRejected, match="links and devices"):
        places([member("files/a", mode=kind | 0o777)], 5_000, BOUNDS)


@pytest.mark.parametrize("mode", [0, 0o644, stat.S_IFREG | 0o4755])
def test_a_plain_file_is_accepted_whatever_its_rights(mode: int) -> None:
    assert places([member("files/a", mode=mode)], 5_000, BOUNDS)


def test_an_encrypted_member_is_refused() -> None:
    with pytest.raises(BundleRejected, match="encrypted"):
        places([member("files/a", encrypted=True)], 5_000, BOUNDS)


def test_a_folder_with_content_is_refused() -> None:
    with pytest.raises(BundleRejected, match="content of its own"):
        places([member("files/a/", 5)], 5_000, BOUNDS)


@pytest.mark.parametrize(
    ("members", "size", "why"),
    [
        ([member(f"files/{n}") for n in range(6)], 5_000, "6 members"),
        ([member("files/a", 5_001)], 5_000, "unpacks to 5001 bytes"),
        ([member("files/a", 1_001)], 100, "a bomb"),
        ([Member("files/a", 200, 90), Member("files/b", 200, 90)], 100, "overlap"),
    ],
)
def test_a_bomb_is_refused(members: list[Member], size: int, why: str) -> None:
    with pytest.raises(BundleRejected, match=why):
        places(members, size, BOUNDS)


@pytest.mark.parametrize(("size", "archive_size"), [(1_000, 11), (5_000, 500)])
def test_what_only_compresses_well_is_accepted(size: int, archive_size: int) -> None:
    assert places([member("files/a", size)], archive_size, BOUNDS)


def test_the_end_of_a_whole_archive_is_accepted() -> None:
    check_tail(b"x" * 20 + end(), 172, BOUNDS)
    check_tail(end(entries=0, size=0, offset=0), 22, BOUNDS)


@pytest.mark.parametrize(
    ("tail", "size"),
    [
        (b"", 0),
        (b"x" * 42, 42),
        (end()[:-1], 171),
        (b"x" * 20 + end(comment=5), 172),
        (b"PK\6\7" + b"x" * 16 + end(), 172),  # the locator of ZIP64
        (b"x" * 20 + end(disk=1), 172),
        (b"x" * 20 + end(here=0), 172),
        (b"x" * 20 + end(), 173),  # something stands before the archive
        (b"x" * 20 + end(entries=6), 172),
        (b"x" * 20 + end(size=9 * 2**20), 9 * 2**20 + 122),
    ],
)
def test_the_end_of_anything_else_is_refused(tail: bytes, size: int) -> None:
    with pytest.raises(BundleRejected):
        check_tail(tail, size, BOUNDS)


@given(st.lists(st.text(max_size=20), max_size=5), st.sampled_from(["", "files/", "workspace/"]))
def test_whatever_is_accepted_stays_inside(names: list[str], prefix: str) -> None:
    try:
        found = placed(*(prefix + name for name in names))
    except BundleRejected:
        return
    for place in found:
        assert place.parts[0] in {"files", "workspace"}
        assert not any(part in {"", ".", ".."} or "/" in part for part in place.parts)
    assert len({place.parts for place in found if not place.is_folder}) == sum(
        not place.is_folder for place in found
    )
