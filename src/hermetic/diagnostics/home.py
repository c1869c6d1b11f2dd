"""What lies in a home: whose it is, who can read the keys, and how much room there is."""

import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from hermetic.diagnostics.check import Finding

FULL, LOW = 200 << 20, 1 << 30
"""Free bytes below which a disk is full, or has little left."""
_MOST_TOLD = 5


def look(root: Path, keys: Sequence[Path], me: int) -> list[Finding]:
    """Return what is wrong with the home at *root*, whose keys lie below *keys*.

    Args:
        me: The user who asks, by number; root may ask about anybody's.
    """
    where = f"home {root}"
    try:
        found = root.stat()
    except FileNotFoundError:
        return [
            Finding("home.missing", where, f"There is no {root}.", f"hermetic up --home {root}")
        ]
    except OSError as error:
        text = f"It cannot be read: {error.strerror}."
        return [Finding("home.foreign", where, text, f"sudo hermetic diagnose --home {root}")]
    if me not in {found.st_uid, 0}:
        text = f"It belongs to user {found.st_uid}, and you are {me}."
        remedy = f"sudo -u '#{found.st_uid}' hermetic diagnose --home {root}"
        return [Finding("home.foreign", where, text, remedy)]
    findings = []
    if stat.S_IMODE(found.st_mode) & 0o077:
        text = f"Its mode is {stat.S_IMODE(found.st_mode):04o}."
        findings.append(Finding("home.open", where, text, f"chmod 700 {root}"))
    findings += _of_keys(keys, found.st_uid)
    fine = [] if findings else [Finding("home.fine", where, "It is private to its owner.")]
    return [*findings, *fine, room(root)]


def room(root: Path) -> Finding:
    """Return whether the disk that holds *root* has room."""
    where, usage = f"disk of {root}", shutil.disk_usage(root)
    text = f"{usage.free / (1 << 30):.1f} GB of {usage.total / (1 << 30):.1f} GB are free."
    remedy = f"free some space: du -xh {root} | sort -h | tail"
    if usage.free < FULL:
        return Finding("disk.full", where, text, remedy)
    if usage.free < LOW:
        return Finding("disk.low", where, text, remedy)
    return Finding("disk.fine", where, text)


def _of_keys(folders: Sequence[Path], owner: int) -> list[Finding]:
    findings = []
    for path, found in _files(folders):
        if stat.S_IMODE(found.st_mode) & 0o077:
            text = f"Its mode is {stat.S_IMODE(found.st_mode):04o}."
            findings.append(Finding("key.open", str(path), text, f"chmod go= {path}"))
        elif found.st_uid != owner:
            text = f"It belongs to user {found.st_uid}, and the home to {owner}."
            findings.append(Finding("key.foreign", str(path), text, f"chown {owner} {path}"))
        if len(findings) == _MOST_TOLD:
            break
    return findings


def _files(folders: Sequence[Path]) -> Iterator[tuple[Path, os.stat_result]]:
    """Yield the plain files below *folders*; a file that has just gone is nobody's fault."""
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            try:
                found = path.lstat()
            except OSError:
                continue
            if stat.S_ISREG(found.st_mode):
                yield path, found
