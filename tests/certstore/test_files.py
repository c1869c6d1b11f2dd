import os
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from hermetic.certificates.credential import Credential
from hermetic.certstore.files import FileStore
from hermetic.errors import BadConfiguration, Busy, HermeticError, NotFound, StorageFull
from tests.support.certificates import hierarchy
from tests.support.disks import FullAt, Onlooker, TroubledDisk, readable_by_others

ABOVE = hierarchy()
FIRST, SECOND, THIRD = (ABOVE.issue(f"{name}.test") for name in ("first", "second", "third"))
FILES = ("tls.key", "tls.crt", "sha256sums")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "certificates"


@pytest.fixture
def store(root: Path) -> FileStore:
    """Return a store with two versions of the entry `api`: `FIRST`, then `SECOND`."""
    store = FileStore(root)
    store.write("api", FIRST)
    store.write("api", SECOND)
    return store


@pytest.fixture
def no_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def current_of(store: FileStore) -> Path:
    return (store.folder("api") / "current").resolve()


def read_and_hear(store: FileStore) -> tuple[Credential, list[EventDict]]:
    with capture_logs() as events:
        return store.read("api"), [dict(event) for event in events]


def test_a_version_is_a_pair_with_its_checksums(store: FileStore) -> None:
    assert sorted(path.name for path in current_of(store).iterdir()) == sorted(FILES)
    checked = subprocess.run(
        ["sha256sum", "-c", "sha256sums"], cwd=current_of(store), capture_output=True, check=False
    )
    assert checked.stdout == b"tls.crt: OK\ntls.key: OK\n"


def test_storing_is_told_without_the_key(root: Path) -> None:
    with capture_logs() as events:
        FileStore(root).write("api", FIRST)
    assert [event["event"] for event in events] == ["certificate.stored"]
    assert "PRIVATE" not in repr(events)


def test_reading_a_good_version_is_not_told(store: FileStore) -> None:
    assert read_and_hear(store)[1] == []


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    "content", [b"", b"\0" * 4096, b"-----BEGIN"], ids=["empty", "zeros", "cut"]
)
def test_a_damaged_file_is_quarantined_and_the_version_before_it_read(
    store: FileStore, name: str, content: bytes
) -> None:
    (current_of(store) / name).write_bytes(content)
    found, events = read_and_hear(store)
    assert found.chain == FIRST.chain
    aside = store.folder("api") / "quarantine" / "2"
    assert [(e["event"], e.get("reason")) for e in events] == [
        ("certificate.quarantined", "altered"),
        ("certificate.earlier_served", None),
    ]
    assert events[0]["path"] == str(aside)
    assert (aside / name).read_bytes() == content
    assert current_of(store).name == "1"
    assert read_and_hear(store)[1] == []


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_quarantined_with_its_version(store: FileStore, name: str) -> None:
    (current_of(store) / name).unlink()
    found, events = read_and_hear(store)
    assert found.chain == FIRST.chain
    assert (events[0]["reason"], events[0]["version"]) == ("incomplete", 2)


def test_a_pair_that_does_not_fit_is_quarantined_even_with_its_checksums(store: FileStore) -> None:
    other = store.folder("api").parent / "other" / "versions" / "1"
    store.write("other", THIRD)
    wrong = current_of(store)
    shutil.copy(other / "tls.key", wrong / "tls.key")
    sums = subprocess.run(
        ["sha256sum", "tls.crt", "tls.key"], cwd=wrong, capture_output=True, check=True
    )
    (wrong / "sha256sums").write_bytes(sums.stdout)
    found, events = read_and_hear(store)
    assert found.chain == FIRST.chain
    assert events[0]["reason"] == "key-mismatch"


def test_where_nothing_is_whole_everything_is_kept_aside(store: FileStore) -> None:
    for number in ("1", "2"):
        (store.folder("api") / "versions" / number / "tls.key").write_bytes(b"")
    with pytest.raises(NotFound, match="issue or import a new one"):
        store.read("api")
    assert {p.name for p in (store.folder("api") / "quarantine").iterdir()} == {"1", "2"}
    assert store.entries() == ()
    store.write("api", THIRD)
    assert (store.read("api").chain, current_of(store).name) == (THIRD.chain, "3")


def test_a_lost_link_is_laid_again(store: FileStore) -> None:
    (store.folder("api") / "current").unlink()
    assert store.read("api").chain == SECOND.chain
    assert current_of(store).name == "2"


def test_a_link_to_nowhere_is_laid_again(store: FileStore) -> None:
    current = store.folder("api") / "current"
    current.unlink()
    current.symlink_to("versions/7")
    assert store.read("api").chain == SECOND.chain
    assert current_of(store).name == "2"


def test_a_link_set_back_by_hand_is_followed(store: FileStore) -> None:
    current = store.folder("api") / "current"
    current.unlink()
    current.symlink_to("versions/1")
    assert store.read("api").chain == FIRST.chain


def test_a_backup_that_followed_links_is_read_and_written(store: FileStore, tmp_path: Path) -> None:
    shutil.copytree(store.folder("api").parent, tmp_path / "restored", symlinks=False)
    restored = FileStore(tmp_path / "restored")
    assert restored.read("api").chain == SECOND.chain
    restored.write("api", THIRD)
    assert restored.read("api").chain == THIRD.chain
    assert current_of(restored).parent.name == "versions"


@pytest.mark.slow
def test_a_hundred_stores_with_a_flipped_byte_start(
    root: Path, store: FileStore, show: Callable[[str], None]
) -> None:
    store.write("api", THIRD)
    pristine = root.parent / "pristine"
    shutil.copytree(root, pristine, symlinks=True)
    chance = random.Random(10)
    for _ in range(100):
        shutil.rmtree(root)
        shutil.copytree(pristine, root, symlinks=True)
        flip_a_byte(chance, root / "api" / "versions" / "3")
        found, events = read_and_hear(FileStore(root))
        assert found.chain == SECOND.chain
        assert events[0]["event"] == "certificate.quarantined"
        assert (root / "api" / "quarantine" / "3").is_dir()
    show("100 stores with a flipped byte: all start with the version before")


def flip_a_byte(chance: random.Random, version: Path) -> None:
    path = version / chance.choice(FILES)
    data = bytearray(path.read_bytes())
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path.write_bytes(data)


def test_a_full_disk_is_told_and_the_old_pair_stays(root: Path, store: FileStore) -> None:
    full = FileStore(root, disk=TroubledDisk(FullAt(3)))
    with pytest.raises(StorageFull, match="free some space"):
        full.write("api", THIRD)
    assert store.read("api").chain == SECOND.chain
    store.write("api", THIRD)
    assert store.read("api").chain == THIRD.chain


@pytest.mark.parametrize("step", range(3))
def test_a_full_disk_does_not_keep_an_earlier_version_from_being_read(
    root: Path, store: FileStore, step: int
) -> None:
    (current_of(store) / "tls.crt").write_bytes(b"")
    full = FileStore(root, disk=TroubledDisk(FullAt(step)))
    assert full.read("api").chain == FIRST.chain


def test_a_full_disk_at_the_first_opening_is_told(root: Path) -> None:
    with pytest.raises(StorageFull):
        FileStore(root, disk=TroubledDisk(FullAt(0)))


def test_a_store_in_place_of_which_there_is_a_file_is_told(root: Path) -> None:
    root.touch(mode=0o600)
    with pytest.raises(HermeticError, match="Not a directory"):
        FileStore(root)


@pytest.mark.usefixtures("no_umask")
def test_nothing_is_open_to_others_at_any_step_without_a_umask(root: Path) -> None:
    onlooker = Onlooker(root.parent)
    root.parent.chmod(0o700)
    store = FileStore(root, disk=TroubledDisk(onlooker))
    for credential in (FIRST, SECOND, THIRD, FIRST, SECOND):
        store.write("api", credential)
    (current_of(store) / "tls.key").write_bytes(b"")
    store.read("api")
    assert onlooker.looks > 80
    assert onlooker.open_to_others | readable_by_others(root) == set()


def test_an_open_store_is_closed_to_others_when_it_is_opened(root: Path, store: FileStore) -> None:
    (current_of(store) / "tls.key").chmod(0o644)
    assert readable_by_others(root) == {"0644 tls.key"}
    with capture_logs() as events:
        FileStore(root)
    assert [event["event"] for event in events] == ["certificate.permissions_repaired"]
    assert readable_by_others(root) == set()


def test_a_file_this_user_may_not_read_is_no_damage(root: Path, store: FileStore) -> None:
    class Forbidding(TroubledDisk):
        def read(self, path: Path) -> bytes:
            raise PermissionError(13, "Permission denied", str(path))

    with pytest.raises(BadConfiguration, match=r"run `chmod -R u\+rwX,go= .*tls\.key`"):
        FileStore(root, disk=Forbidding(lambda step, path: None)).read("api")
    assert store.read("api").chain == SECOND.chain


def test_a_writer_waits_for_another_and_gives_up_in_time(root: Path, store: FileStore) -> None:
    impatient = FileStore(root, patience=timedelta(milliseconds=40))

    def write_too(step: str, path: Path) -> None:
        if (step, path.name) == ("rename", "current"):
            with pytest.raises(Busy, match=r"'api' .* for more than 0\.04 s"):
                impatient.write("api", FIRST)

    FileStore(root, disk=TroubledDisk(write_too)).write("api", THIRD)
    impatient.write("api", FIRST)
    assert store.read("api").chain == FIRST.chain


def test_a_reader_that_writers_overtake_reads_what_is_current_then(
    root: Path, store: FileStore
) -> None:
    class Overtaken(TroubledDisk):
        overtaken = False

        def read(self, path: Path) -> bytes:
            if not self.overtaken:
                self.overtaken = True
                for credential in (FIRST, SECOND, FIRST, THIRD):
                    store.write("api", credential)
            return super().read(path)

    reader = FileStore(root, disk=Overtaken(lambda step, path: None))
    found, events = read_and_hear(reader)
    assert found.chain == THIRD.chain
    assert {event["event"] for event in events} == {"certificate.stored"}


def seen(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Return mode, time and content of everything below *folder*."""
    return {
        str(path): (
            path.lstat().st_mode,
            path.lstat().st_mtime_ns,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in [folder, *folder.rglob("*")]
    }


def test_who_only_looks_mends_nothing(store: FileStore, root: Path) -> None:
    (current_of(store) / "tls.crt").write_bytes(b"damaged")
    (root / "api").chmod(0o755)
    (root / ".gone.7.removed").mkdir()
    before = seen(root)
    assert FileStore(root, mending=False).read("api").chain == FIRST.chain
    assert seen(root) == before
    store.read("api")
    assert seen(root) != before


def test_who_only_looks_makes_nothing(root: Path) -> None:
    looking = FileStore(root, mending=False)
    assert looking.entries() == ()
    with pytest.raises(HermeticError):
        looking.write("api", FIRST)
    assert not root.exists()
