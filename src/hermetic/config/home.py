"""A home: the folder that holds everything of one installation.

Everything in it is private to its owner at every instant: folders are made 0700 and files
0600, whatever the umask.  Two homes never meet, and one home runs once.
"""

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from hermetic.errors import BadConfiguration, HomeLocked, StorageFull

_FULL = {errno.ENOSPC, errno.EDQUOT}


def default_home(environment: Mapping[str, str]) -> Path:
    """Return the home that is meant when none is named: `HERMETIC_HOME`, or the platform's."""
    named = environment.get("HERMETIC_HOME")
    return Path(named) if named else platformdirs.user_data_path("hermetic")


@dataclass(frozen=True)
class Home:
    """The places in one home."""

    root: Path

    @property
    def settings(self) -> Path:
        """The settings file, if its owner wrote one."""
        return self.root / "appsettings.json"

    @property
    def authority(self) -> Path:
        """The store of our own authority."""
        return self.root / "authority"

    @property
    def signatures(self) -> Path:
        """What our own authority has signed."""
        return self.root / "signatures.jsonl"

    @property
    def authority_limits(self) -> Path:
        """What our own authority may certify, a domain or network in each line."""
        return self.root / "authority.limits"

    @property
    def authority_name(self) -> Path:
        """The word by which our own authority is known in the database, whatever its root."""
        return self.root / "authority.name"

    @property
    def certificates(self) -> Path:
        """The store of the credentials that are presented."""
        return self.root / "certificates"

    @property
    def acme(self) -> Path:
        """The accounts at ACME servers."""
        return self.root / "acme"

    def acme_account(self, directory: str, use: str = "") -> Path:
        """Return where the account at that ACME server lies, which is known to it alone.

        Each *use* of it has a copy of its own, since each notes there what is under way.
        """
        named = f"{directory}#{use}" if use else directory
        return self.acme / "accounts" / hashlib.sha256(named.encode()).hexdigest()[:16]

    @property
    def joined(self) -> Path:
        """Which authority this node has joined, and as what."""
        return self.root / "joined.json"

    @property
    def joined_roots(self) -> Path:
        """The roots of that authority."""
        return self.root / "joined.pem"

    @property
    def stores(self) -> Path:
        """The certificate stores: what was imported, and who is trusted."""
        return self.root / "stores"

    @property
    def ca(self) -> Path:
        """The root certificate, for clients; public."""
        return self.root / "ca.pem"

    @property
    def database(self) -> Path:
        """The database's file."""
        return self.root / "hermetic.sqlite3"

    @property
    def bundles(self) -> Path:
        """The archives, each by its digest."""
        return self.root / "bundles"

    @property
    def unpacked(self) -> Path:
        """The trees made from the archives."""
        return self.root / "unpacked"

    @property
    def environments(self) -> Path:
        """The packages that deployments need, a virtual environment for each list of them."""
        return self.root / "environments"

    @property
    def uploads(self) -> Path:
        """What is being uploaded or put together; emptied at each start."""
        return self.root / "uploads"

    @property
    def sessions(self) -> Path:
        """The files of sessions."""
        return self.root / "sessions"

    @property
    def work(self) -> Path:
        """The folders calls run in."""
        return self.root / "work"

    @property
    def client(self) -> Path:
        """What `hermetic login` remembers."""
        return self.root / "client.json"

    @property
    def running(self) -> Path:
        """Where the running instance says how to reach it."""
        return self.root / "running.json"

    def create(self) -> None:
        """Make the home, or take over an empty folder; an existing home is checked.

        Raises:
            BadConfiguration: It is not a folder of ours, or others can read it.
            StorageFull: There is no room for it.
        """
        with speaking_of(self.root):
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = self.root.stat()
        if found.st_uid != os.geteuid():
            raise BadConfiguration(
                f"The home {self.root} belongs to another user: run as that user, or"
                f" `chown -R {os.geteuid()} {self.root}`."
            )
        if stat.S_IMODE(found.st_mode) & 0o077:
            if any(self.root.iterdir()):
                raise BadConfiguration(
                    f"The home {self.root} is open to other users: `chmod 700 {self.root}`"
                    " once you know that nobody read the keys in it."
                )
            self.root.chmod(0o700)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the home for this process; the lock goes with the process, however it ends.

        Raises:
            HomeLocked: Another process holds it.
        """
        path = self.root / "lock"
        with speaking_of(path):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()
                raise HomeLocked(
                    f"Another instance (process {holder or 'unknown'}) runs in {self.root}:"
                    " stop it, or choose another home with --home."
                ) from None
            with speaking_of(path):
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
            yield
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def speaking_of(path: Path) -> Iterator[None]:
    """Turn what the system refuses about *path* into one sentence.

    Raises:
        StorageFull: There is no room left.
        BadConfiguration: Anything else, with the command that mends it where there is one.
    """
    try:
        yield
    except PermissionError as error:
        at = error.filename or path
        raise BadConfiguration(
            f"{at} cannot be read or written by this user: `chown -R {os.geteuid()} {at}`"
            f" and `chmod -R u+rwX,go= {at}`, or run as its owner."
        ) from error
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFull(f"The disk that holds {path} is full: free some space.") from error
        raise BadConfiguration(f"{error.filename or path}: {error.strerror}.") from error


def read_record(path: Path) -> dict[str, Any] | None:
    """Return the JSON object in *path*, or `None` where there is none.

    Raises:
        BadConfiguration: The file cannot be read, or holds something else.
    """
    try:
        with speaking_of(path):
            if not path.exists():
                return None
            content = json.loads(path.read_bytes())
    except ValueError as error:
        raise BadConfiguration(f"{path} is damaged: remove it and try again.") from error
    if not isinstance(content, dict):
        raise BadConfiguration(f"{path} is damaged: remove it and try again.")
    return content


def write_record(path: Path, record: Mapping[str, object]) -> None:
    """Write *record* to *path*, readable by its owner only, at once or not at all."""
    write_file(path, json.dumps(record, indent=2).encode() + b"\n")


def write_file(path: Path, content: bytes) -> None:
    """Write *content* to *path*, readable by its owner only, at once or not at all."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with speaking_of(path):
        try:
            descriptor = os.open(
                draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600
            )
            with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        except OSError:
            draft.unlink(missing_ok=True)
            raise
