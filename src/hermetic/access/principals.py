"""Who is there, and in which role.

Pure: what a directory or a table says of somebody comes in as values.
"""

from dataclasses import dataclass, field
from enum import StrEnum

ADMINISTRATOR = "admin"
"""The local account every installation begins with, by the name ML Server 9.x gives it."""


class Role(StrEnum):
    """What somebody may do, by the names ML Server 9.x gives it; the first may do most."""

    OWNER = "Owner"
    CONTRIBUTOR = "Contributor"
    READER = "Reader"


@dataclass(frozen=True)
class Principal:
    """Somebody who proved who they are, in the role they hold at this moment."""

    name: str
    role: Role


@dataclass(frozen=True)
class Account:
    """A local account; the password is kept as an Argon2id hash in its usual text form."""

    name: str
    role: Role
    password_hash: str = field(repr=False)
