import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from hermetic.certstore.permissions import secure
from hermetic.errors import BadConfiguration
from tests.support.disks import readable_by_others

NOBODY = 65534


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "certificates"
    (root / "api" / "versions" / "1").mkdir(parents=True)
    (root / "api" / "versions" / "1" / "tls.key").write_bytes(b"key")
    (root / "api" / "current").symlink_to("versions/1")
    for path in (root, *root.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o700 if path.is_dir() else 0o600)
    return root


@pytest.fixture
def as_user(tree: Path) -> Iterator[Path]:
    """Return a tree of this user, who is not root: root may read everything."""
    if os.geteuid():
        yield tree
        return
    with tempfile.TemporaryDirectory(dir="/tmp") as outside:
        moved = tree.rename(Path(outside) / "certificates")
        for path in (Path(outside), moved, *moved.rglob("*")):
            os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
        os.seteuid(NOBODY)
        yield moved
        os.seteuid(0)


def test_private_files_are_left_alone(tree: Path) -> None:
    with capture_logs() as events:
        secure(tree)
    assert events == []


@pytest.mark.parametrize("name", [".", "api", "api/versions/1", "api/versions/1/tls.key"])
def test_what_others_could_use_is_taken_from_them_and_told(tree: Path, name: str) -> None:
    path = tree / name
    path.chmod(path.stat().st_mode | 0o044)
    with capture_logs() as events:
        secure(tree)
    assert readable_by_others(tree) == set()
    assert [(e["event"], e["path"]) for e in events] == [
        ("certificate.permissions_repaired", str(path))
    ]


def test_a_link_is_not_followed(tree: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"theirs")
    outside.chmod(0o644)
    (tree / "api" / "strange").symlink_to(outside)
    secure(tree)
    assert stat.S_IMODE(outside.stat().st_mode) == 0o644


def test_a_key_its_owner_may_not_read_is_told_with_the_command(as_user: Path) -> None:
    key = as_user / "api" / "versions" / "1" / "tls.key"
    key.chmod(0)
    with pytest.raises(BadConfiguration, match=rf"run `chmod -R u\+rwX,go= {key}`"):
        secure(as_user)
    key.chmod(0o600)
    secure(as_user)


def test_a_folder_its_owner_may_not_enter_is_told_with_the_command(as_user: Path) -> None:
    folder = as_user / "api" / "versions"
    folder.chmod(0o600)
    with pytest.raises(BadConfiguration, match=rf"run `chmod -R u\+rwX,go= {folder}`"):
        secure(as_user)
    folder.chmod(0o700)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: gives a file to another user")
def test_another_owner_is_told_with_the_command(as_user: Path) -> None:
    key = as_user / "api" / "versions" / "1" / "tls.key"
    os.seteuid(0)
    os.chown(key, 0, 0)
    os.seteuid(NOBODY)
    with pytest.raises(BadConfiguration, match=rf"run `sudo chown -R {NOBODY} {key}`"):
        secure(as_user)


def test_a_folder_that_is_not_there_holds_nothing_to_mend(tmp_path: Path) -> None:
    secure(tmp_path / "absent")
