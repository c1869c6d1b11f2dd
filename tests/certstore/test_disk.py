import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from hermetic.certstore.disk import SYSTEM_DISK, forbidden, refusals_about
from hermetic.errors import BadConfiguration, HermeticError, StorageFull


@pytest.fixture
def no_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.mark.usefixtures("no_umask")
def test_what_is_made_is_private_without_a_umask(tmp_path: Path) -> None:
    SYSTEM_DISK.make_folder(tmp_path / "folder")
    SYSTEM_DISK.create(tmp_path / "folder" / "file", b"secret")
    assert mode(tmp_path / "folder") == 0o700
    assert mode(tmp_path / "folder" / "file") == 0o600


def test_a_file_that_exists_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"first")
    with pytest.raises(FileExistsError):
        SYSTEM_DISK.create(tmp_path / "file", b"second")
    assert SYSTEM_DISK.read(tmp_path / "file") == b"first"


def test_a_link_is_not_written_through(tmp_path: Path) -> None:
    SYSTEM_DISK.link(tmp_path / "link", "elsewhere")
    with pytest.raises(FileExistsError):
        SYSTEM_DISK.create(tmp_path / "link", b"secret")
    assert not (tmp_path / "elsewhere").exists()


def test_a_link_is_not_read_through(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"theirs")
    SYSTEM_DISK.link(tmp_path / "link", "file")
    with pytest.raises(OSError, match=r"symbolic links"):
        SYSTEM_DISK.read(tmp_path / "link")


def test_removing_a_link_leaves_what_it_leads_to(tmp_path: Path) -> None:
    SYSTEM_DISK.make_folder(tmp_path / "folder")
    SYSTEM_DISK.link(tmp_path / "link", "folder")
    SYSTEM_DISK.remove(tmp_path / "link")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
    SYSTEM_DISK.remove(tmp_path / "folder")
    assert not any(tmp_path.iterdir())


def test_a_rename_takes_the_place_of_what_was_there(tmp_path: Path) -> None:
    SYSTEM_DISK.link(tmp_path / "current", "old")
    SYSTEM_DISK.link(tmp_path / "next", "new")
    SYSTEM_DISK.rename(tmp_path / "next", tmp_path / "current")
    SYSTEM_DISK.sync(tmp_path)
    assert str((tmp_path / "current").readlink()) == "new"


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_and_a_full_quota_are_told_as_such(tmp_path: Path, code: int) -> None:
    with pytest.raises(StorageFull, match="free some space"), refusals_about(tmp_path):
        raise OSError(code, os.strerror(code))


@pytest.mark.parametrize("code", [errno.EACCES, errno.EPERM, errno.EROFS])
def test_what_is_not_allowed_names_the_file_and_the_command(tmp_path: Path, code: int) -> None:
    (tmp_path / "tls.key").touch()
    at = str(tmp_path / "tls.key")
    mended = rf"chmod -R u\+rwX,go= {at}`"
    with pytest.raises(BadConfiguration, match=mended), refusals_about(tmp_path):
        raise OSError(code, os.strerror(code), at)


def test_another_owner_is_mended_by_changing_the_owner(tmp_path: Path) -> None:
    theirs = Path("/proc/1/root") if os.geteuid() else tmp_path
    if not os.geteuid():
        os.chown(tmp_path, 12345, 12345)
    assert f"sudo chown -R {os.geteuid()} {theirs}" in forbidden(theirs, "mode 0600").text


def test_what_cannot_even_be_looked_at_is_mended_from_above(tmp_path: Path) -> None:
    told = forbidden(tmp_path / "absent" / "tls.key", "permission denied").text
    assert f"sudo chown -R {os.geteuid()} {tmp_path / 'absent'}`" in told


def test_a_failing_disk_is_told_in_one_sentence(tmp_path: Path) -> None:
    told = "could not be used: Input/output error"
    with pytest.raises(HermeticError, match=told), refusals_about(tmp_path):
        raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_our_own_errors_pass(tmp_path: Path) -> None:
    with pytest.raises(StorageFull, match="as it was"), refusals_about(tmp_path):
        raise StorageFull("as it was")
