"""A session: a working place with files and objects, and what is kept of it.

Its life is *opened → snapshotted → closed*.
"""

from dataclasses import dataclass
from datetime import datetime

from hermetic.serving.service import RuntimeKind


@dataclass(frozen=True)
class Session:
    """A working place of its owner: files, workspace objects and perhaps an interpreter."""

    id: str
    name: str | None
    owner: str
    runtime: RuntimeKind
    created_at: datetime


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
