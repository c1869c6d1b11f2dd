"""A session: a working place with files and objects, and what is kept of it.

Its life is *opened → snapshotted → closed*.
"""

import re
from dataclasses import dataclass
from datetime import datetime

from hermetic.errors import BadInput, NotFound
from hermetic.serving.bundle import Shelf
from hermetic.serving.schema import is_file_name
from hermetic.serving.service import RuntimeKind

_ID = re.compile(r"[0-9A-Za-z-]{1,64}\Z")


@dataclass(frozen=True)
class Session:
    """A working place of its owner: files, workspace objects and perhaps an interpreter.

    `node` is the compute node that keeps it; empty where one box does both.
    """

    id: str
    name: str | None
    owner: str
    runtime: RuntimeKind
    created_at: datetime
    node: str = ""


@dataclass(frozen=True)
class Snapshot:
    """What a session held at one moment, kept as a bundle.

    `size` is the length of the archive in bytes, `members` the number of files and objects in
    it; a session without any makes a snapshot that is empty.
    """

    id: str
    name: str | None
    owner: str
    created_at: datetime
    runtime: RuntimeKind
    bundle: str
    size: int
    members: int

    @property
    def is_empty(self) -> bool:
        """Whether the session held neither a file nor an object."""
        return self.members == 0


def is_id(text: str) -> bool:
    """Whether *text* can be a session's id: it becomes the name of a folder, and an address."""
    return _ID.match(text) is not None


def check_new(runtime: RuntimeKind, shelf: Shelf, name: str) -> None:
    """Raise `BadInput` unless something of that *name* may be put on *shelf* of a session."""
    if not is_file_name(name) or not name.isprintable():
        raise BadInput(f"{name[:80]!r} is no plain name: use one without folders.")
    # It becomes a variable: what cannot be one would be kept and never found again.
    is_python_object = shelf is Shelf.WORKSPACE and runtime is RuntimeKind.PYTHON
    if is_python_object and not name.isidentifier():
        raise BadInput(f"{name[:80]!r} cannot name an object: use a Python identifier.")


def check_known(name: str) -> None:
    """Raise `NotFound` if nothing in a session can have that *name*; it may lead elsewhere.

    Wider than `check_new`: the session's own code names its files as it likes.
    """
    if not is_file_name(name):
        raise NotFound(f"There is nothing called {name[:80]!r} in the session.")
