"""Folders that hold a pair, and how others change them: the kubelet, a person, a tool."""

import shutil
from itertools import count
from pathlib import Path

from hermetic.certificates.credential import Credential

Pair = dict[str, bytes]
"""What lies under `tls.crt` and `tls.key`; one may be missing."""


def pair_of(credential: Credential) -> Pair:
    """Return the two files of *credential*."""
    return {"tls.crt": credential.chain_pem, "tls.key": credential.key_pem}


def lay(folder: Path, files: Pair) -> None:
    """Write the files as a person would: over what is there, one after the other."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)


class SecretVolume:
    """A volume of Kubernetes: each content in a folder of its own, which `..data` leads to.

    As the kubelet's AtomicWriter does it: the new folder is written, the link is renamed over
    the old one, and the old folder is removed.
    """

    def __init__(self, folder: Path, files: Pair) -> None:
        self.folder, self._numbers = folder, count(1)
        folder.mkdir(parents=True)
        self.rotate(files)

    def rotate(self, files: Pair) -> None:
        """Replace the whole content by *files*."""
        data = self.folder / "..data"
        before = self.folder / data.readlink() if data.is_symlink() else None
        after = self.folder / f"..2026_11_22_{next(self._numbers):06}"
        lay(after, files)
        draft = self.folder / "..data_tmp"
        draft.symlink_to(after.name)
        draft.rename(data)
        for name in ("tls.crt", "tls.key"):
            link = self.folder / name
            if name in files and not link.is_symlink():
                link.symlink_to(f"..data/{name}")
            if name not in files:
                link.unlink(missing_ok=True)
        if before is not None:
            shutil.rmtree(before)
