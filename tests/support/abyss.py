"""Folders in folders without end, as code makes them that means harm."""

import os
from pathlib import Path

ABYSS = 1100  # more than a function may call itself


def dig(folder: Path, depth: int = ABYSS) -> None:
    """Make *depth* folders in folders, all called `d`, beneath *folder*."""
    above = os.open(folder, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d", dir_fd=above)
        below = os.open("d", os.O_RDONLY, dir_fd=above)
        os.close(above)
        above = below
    os.close(above)
