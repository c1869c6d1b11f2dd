"""Keys are for their owner: whether a folder of them says so, and mending it if it does not.

Too much is taken away and logged, for a store that does not start helps nobody.  Too little, or
another owner, is for a person to mend: the error holds the command.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from hermetic.certstore.disk import forbidden, refusals_about
from hermetic.errors import BadConfiguration
from hermetic.log import logger

_OTHERS = stat.S_IRWXG | stat.S_IRWXO

log = logger(__name__)


def secure(root: Path) -> None:
    """Let nobody but the owner at *root* and what is below it.

    Raises:
        BadConfiguration: Something there is not ours, its owner may not use it either, or the
            file system keeps no permissions.
    """
    with refusals_about(root):
        for path in _tree(root):
            with suppress(FileNotFoundError):  # another writer at work has just removed it
                _secure(path)


def _tree(folder: Path) -> Iterator[Path]:
    """Yield *folder* and all below it, each before what it holds; links are left out."""
    yield folder
    for path in _inside(folder):
        if path.is_symlink():
            continue
        if path.is_dir():
            yield from _tree(path)
        else:
            yield path


def _inside(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except FileNotFoundError:
        return []


def _secure(path: Path) -> None:
    mode = stat.S_IMODE(path.lstat().st_mode)
    if mode & _OTHERS:
        path.chmod(mode & ~_OTHERS)
        if stat.S_IMODE(path.lstat().st_mode) & _OTHERS:
            raise BadConfiguration(
                f"{path} stays open to other users, since its file system keeps no permissions:"
                " keep the home on one that does, such as ext4 or xfs."
            )
        log.warning("certificate.permissions_repaired", path=str(path), mode=f"{mode:04o}")
    wanted = os.R_OK | os.W_OK | (os.X_OK if path.is_dir() else 0)
    if not os.access(path, wanted, effective_ids=True):
        raise forbidden(path, f"mode {mode:04o}, user {path.lstat().st_uid}")
