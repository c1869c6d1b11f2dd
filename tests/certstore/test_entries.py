"""Entries of any form: what is common to credentials, certificates and lists, and removing."""

import fcntl
import os
import threading
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from hermetic.certstore.disk import SYSTEM_DISK, Disk
from hermetic.certstore.entries import Entries, Form
from hermetic.errors import (
    BadInput,
    Busy,
    CertificateRejected,
    HermeticError,
    NotFound,
    StorageFull,
)
from tests.support.disks import FullAt, Steps, Stopped, StoppedAt, TroubledDisk
from tests.support.product import until

STEPS_OF_A_REMOVAL = 2 + 6
"""Hidden, and that made durable; then the link, two files, and the three folders around them."""


def _noted(documents: Mapping[str, bytes]) -> bytes:
    if documents["note"] == b"no":
        raise CertificateRejected("malformed", "It is no note.")
    return documents["note"]


NOTE = Form("note", ("note",), lambda value: {"note": value}, _noted)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "notes"


def opened(root: Path, disk: Disk = SYSTEM_DISK) -> Entries[bytes]:
    return Entries(root, NOTE, disk, patience=timedelta(milliseconds=40))


@pytest.fixture
def notes(root: Path) -> Entries[bytes]:
    """Return entries of which one, `a`, is written."""
    notes = opened(root)
    notes.write("a", b"first")
    return notes


def test_where_nothing_was_written_there_is_nothing(root: Path) -> None:
    nothing = opened(root)
    nothing.sweep()
    assert (nothing.names(), nothing.sums(), root.exists()) == ((), {}, False)
    with pytest.raises(NotFound, match="no note 'a'"):
        nothing.read("a")
    with pytest.raises(NotFound, match="no note 'a'"):
        nothing.remove("a")


def test_what_its_form_would_refuse_is_not_written(notes: Entries[bytes]) -> None:
    with pytest.raises(CertificateRejected, match="It is no note"):
        notes.write("a", b"no")
    assert notes.read("a") == b"first"
    assert notes.write("a", b"second") == 2


def test_what_is_damaged_is_told_in_the_words_of_its_form(notes: Entries[bytes]) -> None:
    (notes.folder("a") / "current" / "note").write_bytes(b"changed")
    with capture_logs() as events, pytest.raises(NotFound, match="no whole note 'a'"):
        notes.read("a")
    assert [event["reason"] for event in events] == ["altered"]


def test_an_entry_is_removed_with_all_its_versions(notes: Entries[bytes], root: Path) -> None:
    notes.write("a", b"second")
    notes.write("b", b"other")
    notes.remove("a")
    assert notes.names() == ("b",)
    assert [path.name for path in root.iterdir()] == ["b"]
    assert notes.write("a", b"third") == 1


@pytest.mark.parametrize("name", ["..", "a/b", ".a"])
def test_a_name_that_leads_elsewhere_removes_nothing(notes: Entries[bytes], name: str) -> None:
    with pytest.raises(BadInput):
        notes.remove(name)
    assert notes.read("a") == b"first"


def test_a_removal_takes_the_steps_the_failures_are_tried_at(
    notes: Entries[bytes], root: Path
) -> None:
    steps = Steps()
    opened(root, TroubledDisk(steps)).remove("a")
    assert len(steps.taken) == STEPS_OF_A_REMOVAL


@pytest.mark.parametrize("step", range(STEPS_OF_A_REMOVAL))
def test_a_removal_that_is_stopped_leaves_all_or_nothing(
    notes: Entries[bytes], root: Path, step: int
) -> None:
    with pytest.raises(Stopped):
        opened(root, TroubledDisk(StoppedAt(step))).remove("a")
    assert notes.names() == (() if step else ("a",))
    opened(root).sweep()
    assert [path.name for path in root.iterdir()] == list(notes.names())
    assert notes.write("a", b"again") == (1 if step else 2)
    assert notes.read("a") == b"again"


@pytest.mark.parametrize("step", [0, 1])
def test_a_removal_that_fails_before_it_is_durable_says_so(
    notes: Entries[bytes], root: Path, step: int
) -> None:
    with pytest.raises(StorageFull):
        opened(root, TroubledDisk(FullAt(step))).remove("a")
    assert notes.names() == (() if step else ("a",))


def test_a_removal_waits_for_a_writer_and_gives_up_in_time(
    notes: Entries[bytes], root: Path
) -> None:
    def remove_too(step: str, path: Path) -> None:
        if (step, path.name) == ("rename", "current"):
            with pytest.raises(Busy, match="the note 'a'"):
                notes.remove("a")

    opened(root, TroubledDisk(remove_too)).write("a", b"second")
    assert notes.read("a") == b"second"


def test_an_entry_removed_before_a_writer_locks_it_is_made_anew(root: Path) -> None:
    def remove_once(step: str, path: Path) -> None:
        if (step, path.name) == ("sync", "b") and not (root / "away").exists():
            (root / "b").rename(root / "away")

    opened(root, TroubledDisk(remove_once)).write("b", b"written")
    assert opened(root).read("b") == b"written"


def test_an_entry_removed_while_a_writer_waits_is_made_anew(
    notes: Entries[bytes], root: Path
) -> None:
    versions = root / "a" / "versions"
    patient = Entries(root, NOTE, SYSTEM_DISK)
    holder = os.open(versions, os.O_RDONLY)
    fcntl.flock(holder, fcntl.LOCK_EX)
    writer = threading.Thread(target=patient.write, args=("a", b"second"))
    writer.start()
    until(lambda: open_descriptors(versions) == 2)
    (root / "a").rename(root / ".a.0.removed")
    os.close(holder)
    writer.join()
    assert notes.read("a") == b"second"
    assert (versions / "1").is_dir()


def test_an_entry_that_cannot_even_be_made_is_told(root: Path) -> None:
    root.symlink_to("nowhere")
    with pytest.raises(HermeticError, match="No such file"):
        opened(root).write("a", b"first")


def open_descriptors(folder: Path) -> int:
    """Return how often this process has *folder* open."""
    links = [path for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
    return sum(str(path.readlink()) == str(folder) for path in links)


def test_what_is_whole_is_read_again_only_after_a_change(notes: Entries[bytes], root: Path) -> None:
    reads: list[str] = []

    class Reading(TroubledDisk):
        def read(self, path: Path) -> bytes:
            reads.append(path.name)
            return super().read(path)

    notes.write("b", b"other")
    reader = opened(root, Reading(lambda step, path: None))
    assert reader.whole() == reader.whole() == [b"first", b"other"]
    assert reads.count("note") == 2
    notes.write("a", b"second")
    notes.remove("b")
    assert reader.whole() == [b"second"]
    assert reads.count("note") == 3


def test_an_entry_has_another_word_after_each_change(notes: Entries[bytes]) -> None:
    first = notes.sums()
    notes.write("a", b"second")
    second = notes.sums()
    notes.write("b", b"other")
    (notes.folder("a") / "current").unlink()
    assert len({str(words) for words in (first, second, notes.sums())}) == 3
    assert notes.sums()["a"] == b"2"


def test_the_same_content_has_the_same_word(notes: Entries[bytes], tmp_path: Path) -> None:
    restored = opened(tmp_path / "restored")
    restored.write("a", b"other")
    restored.write("a", b"first")
    assert restored.sums() == notes.sums()
