"""Entries on the disk: things by name, each in versions, written wholly or not at all.

What is damaged is told by a file beside the others, `sha256sums`: a bit that flips in the
signature of an intermediate leaves a pair that still parses and fits, and is refused by every
client.  (`sha256sum -c sha256sums` asks the same question by hand.)  How a version is written
and switched to is in `versions`; here is who may do it when, and what is read when one is bad.
What the files of an entry hold, only its `Form` knows.
"""

import errno
import fcntl
import hashlib
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

from hermetic.certstore.disk import Disk, refusals_about
from hermetic.certstore.versions import Versions, discard, make_folders
from hermetic.errors import BadInput, Busy, CertificateRejected, NotFound
from hermetic.log import logger

T = TypeVar("T")

PATIENCE = timedelta(seconds=10)
"""A write takes milliseconds, on a slow disk a second; whoever holds a lock longer is stuck."""
_SUMS = "sha256sums"
_ENTRY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}\Z")
_REMOVED = ".removed"
_LOCK_POLL_S = 0.02
_TRIES = 20
"""How often an entry may be removed under a writer before it gives up."""
_DAMAGE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.EIO})
"""What reading a version may end with that an earlier version can make good."""

log = logger(__name__)


@dataclass(frozen=True)
class Form(Generic[T]):
    """How one kind of thing is written as files, and what it is called in a sentence.

    `read` is given the files by name, and raises `CertificateRejected` if they are not that kind
    of thing.
    """

    kind: str
    files: tuple[str, ...]
    write: Callable[[T], Mapping[str, bytes]]
    read: Callable[[Mapping[str, bytes]], T]


class Entries(Generic[T]):
    """The things of one form in the folder *root*, which need not be there yet.

    Args:
        patience: How long to wait for another writer before `Busy`.
    """

    def __init__(
        self, root: Path, form: Form[T], disk: Disk, *, patience: timedelta = PATIENCE
    ) -> None:
        self._root, self._form, self._disk, self._patience = root, form, disk, patience
        self._known: dict[str, tuple[bytes, T]] = {}

    def names(self) -> tuple[str, ...]:
        """Return the names of the entries that hold something, sorted."""
        return tuple(name for name in self.all_names() if self._versions(name).numbers)

    def all_names(self) -> list[str]:
        """Return the names of all entries, also of those in which nothing is left but damage."""
        with refusals_about(self._root), suppress(FileNotFoundError):
            return sorted(path.name for path in self._root.iterdir() if _ENTRY.match(path.name))
        return []

    def folder(self, entry: str) -> Path:
        """Return the folder of *entry*, in which `current` is renamed over at each change."""
        if not _ENTRY.match(entry):
            raise BadInput(
                f"{entry!r} cannot be the name of an entry: use 1 to 128 letters, digits or any"
                " of . _ -, beginning with a letter or a digit."
            )
        return self._root / entry

    def read(self, entry: str) -> T:
        """Return what *entry* holds now, or the last version before it that is whole.

        Raises:
            NotFound: There is none, or none that is whole; what is damaged was set aside.
        """
        versions = self._versions(entry)
        with refusals_about(self.folder(entry)):
            number = versions.current
            while number is not None:
                try:
                    return self._load(versions.folder_of(number))
                except CertificateRejected:
                    again = versions.current
                    if again == number:
                        break
                    number = again  # writers overtook us, and removed what we were reading
            return self._recover(entry, versions)

    def write(self, entry: str, value: T) -> int:
        """Add *value* as a version of *entry*, make it current, and return its number."""
        documents = dict(self._form.write(value))
        self._form.read(documents)  # what could not be given back is refused now
        documents[_SUMS] = _sums(documents)
        versions = self._versions(entry)
        with (
            refusals_about(self.folder(entry)),
            self._locked(versions.path, entry, make=versions.make),
        ):
            return versions.add(documents)

    def whole(self) -> list[T]:
        """Return what all entries hold, sorted by name; what is damaged is set aside and left out.

        What was read before and has not changed since is not read again: twenty credentials
        take 25 ms, with a watcher waiting for them.
        """
        return list(self._whole().values())

    def whole_names(self) -> list[str]:
        """Return the names of the entries that `whole` returns the content of."""
        return list(self._whole())

    def holds(self, entry: str, value: T) -> bool:
        """Whether *entry* holds *value* now, to the letter."""
        try:
            found = self.read(entry)
        except NotFound:
            return False
        return dict(self._form.write(found)) == dict(self._form.write(value))

    def remove(self, entry: str) -> None:
        """Remove *entry*, also what was set aside, wholly or not at all; raises `NotFound`."""
        folder, versions = self.folder(entry), self._versions(entry)
        with refusals_about(folder):
            with self._locked(versions.path, entry, make=partial(self._require, entry)):
                # hidden first, so that half of a removal is never taken for an entry
                hidden = self._root / f".{entry}.{folder.stat().st_ino}{_REMOVED}"
                self._disk.rename(folder, hidden)
                self._disk.sync(self._root)
            discard(hidden, self._disk)

    def sweep(self) -> None:
        """Remove what a removal left behind that did not come to its end."""
        with refusals_about(self._root), suppress(FileNotFoundError):
            for path in self._root.iterdir():
                if path.name.startswith(".") and path.name.endswith(_REMOVED):
                    discard(path, self._disk)

    def sums(self) -> dict[str, bytes]:
        """Return a word about each entry that changes whenever what is current in it does.

        It is read without judging; where there is nothing to read, the word says why.
        """
        words: dict[str, bytes] = {}
        for name in self.all_names():
            try:
                words[name] = self._disk.read(self._root / name / "current" / _SUMS)
            except OSError as error:
                words[name] = str(error.errno).encode()
        return words

    @contextmanager
    def exclusive(self, entry: str) -> Iterator[None]:
        """Hold *entry* against all others who ask this, in this process or another."""
        folder = self.folder(entry)
        with self._locked(folder, entry, make=partial(make_folders, folder, self._disk)):
            yield

    def _whole(self) -> dict[str, T]:
        found: dict[str, tuple[bytes, T]] = {}
        for name, word in self.sums().items():
            known = self._known.get(name)
            if known is None or known[0] != word:
                try:
                    known = word, self.read(name)
                except NotFound:
                    continue
            found[name] = known
        self._known = found
        return {name: value for name, (_, value) in found.items()}

    def _versions(self, entry: str) -> Versions:
        return Versions(self.folder(entry), self._disk)

    def _absent(self, entry: str) -> NotFound:
        return NotFound(f"There is no {self._form.kind} {entry!r} in {self._root}.")

    def _busy(self, entry: str) -> Busy:
        return Busy(
            f"Another process has held the {self._form.kind} {entry!r} in {self._root} for more"
            f" than {self._patience.total_seconds():g} s: try again, or end it."
        )

    def _require(self, entry: str) -> None:
        if not self._versions(entry).path.is_dir():
            raise self._absent(entry)

    @contextmanager
    def _locked(self, folder: Path, entry: str, *, make: Callable[[], None]) -> Iterator[None]:
        """Lock *folder* itself: there is no lock file that a full disk or a crash could spoil.

        Where it is not there, or is removed while we wait, it is made anew, or *make* raises.
        """
        with refusals_about(folder):
            descriptor = self._acquired(folder, entry, make)
        try:
            yield
        finally:
            os.close(descriptor)

    def _acquired(self, folder: Path, entry: str, make: Callable[[], None]) -> int:
        """Return a descriptor that holds the lock on *folder* as it is by then."""
        for _ in range(_TRIES):
            with suppress(FileNotFoundError):  # removed between two calls
                make()
                descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                if self._holds(descriptor, folder, entry):
                    return descriptor
        make()
        raise self._busy(entry)

    def _holds(self, descriptor: int, folder: Path, entry: str) -> bool:
        """Lock *descriptor*, or close it if it is not that of *folder* any more."""
        is_held = False
        try:
            self._lock(descriptor, entry)
            is_held = os.path.samestat(os.fstat(descriptor), folder.stat())
        finally:
            if not is_held:
                os.close(descriptor)
        return is_held

    def _lock(self, descriptor: int, entry: str) -> None:
        waited_s = 0.0
        while True:
            with suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            if waited_s >= self._patience.total_seconds():
                raise self._busy(entry)
            time.sleep(_LOCK_POLL_S)
            waited_s += _LOCK_POLL_S

    def _load(self, version: Path) -> T:
        """Return what *version* holds, or raise `CertificateRejected` if it is damaged."""
        try:
            documents = {name: self._disk.read(version / name) for name in self._form.files}
            sums = self._disk.read(version / _SUMS)
        except OSError as error:
            if error.errno not in _DAMAGE:
                raise
            raise CertificateRejected(
                "incomplete", f"{error.filename or version} cannot be read: {error.strerror}."
            ) from error
        if sums != _sums(documents):
            raise CertificateRejected(
                "altered", f"The files in {version} are not what was written: see {_SUMS} there."
            )
        return self._form.read(documents)

    def _recover(self, entry: str, versions: Versions) -> T:
        """Set aside what is damaged, and return the newest version that is whole."""
        if not versions.numbers:
            raise self._absent(entry)
        with self._locked(versions.path, entry, make=partial(self._require, entry)):
            current = versions.current
            for number in sorted(versions.numbers, key=lambda n: (n == current, n), reverse=True):
                try:
                    found = self._load(versions.folder_of(number))
                except CertificateRejected as rejected:
                    self._quarantine(entry, versions, number, rejected)
                    continue
                if number != current:
                    with suppress(OSError):  # a full disk must not keep the pair from serving
                        versions.lead_to(number)
                    log.warning("certificate.earlier_served", entry=entry, version=number)
                return found
            with suppress(OSError):
                versions.lead_to(None)
        raise NotFound(
            f"There is no whole {self._form.kind} {entry!r} in {self._root}: issue or import a new"
            " one."
        )

    def _quarantine(
        self, entry: str, versions: Versions, number: int, rejected: CertificateRejected
    ) -> None:
        path = versions.folder_of(number)
        with suppress(OSError):  # where nothing can be moved, leaving it is no worse
            path = versions.set_aside(number)
        log.warning(
            "certificate.quarantined",
            entry=entry,
            version=number,
            reason=rejected.code,
            text=rejected.text,
            path=str(path),
        )


def _sums(documents: Mapping[str, bytes]) -> bytes:
    lines = [f"{hashlib.sha256(documents[n]).hexdigest()}  {n}\n" for n in sorted(documents)]
    return "".join(lines).encode()
