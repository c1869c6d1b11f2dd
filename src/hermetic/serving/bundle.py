"""A bundle: the archive a service is published as, known by its digest.

Pure: decides by an archive's table of contents whether it may be unpacked at all.
"""

from enum import StrEnum


class Shelf(StrEnum):
    """The two folders of a bundle, and of a session."""

    FILES = "files"
    """What lies in the working folder when a call begins."""
    WORKSPACE = "workspace"
    """Serialised objects, each becoming a global variable of its name; only workers read them."""
