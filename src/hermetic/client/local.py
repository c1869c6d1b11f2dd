"""Asking the node of a home on this machine, at the socket in it, without a token."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hermetic.client.api import Client

SOCKET = "node.sock"
"""The socket's name in the home."""


def answers_in(home: Path) -> bool:
    """Tell whether a node answers at the socket in *home*; one that was killed left it behind."""
    if not (home / SOCKET).is_socket():
        return False
    with _reached(home) as path, socket.socket(socket.AF_UNIX) as end:
        return end.connect_ex(path) == 0


@contextmanager
def local_client(home: Path) -> Iterator[Client]:
    """Yield a client that speaks to the node in *home* as its owner; it raises as `Client`."""
    with (
        _reached(home) as path,
        # the token is no secret: the kernel says who asks
        Client("http://localhost", token="-", plain_http=True, socket=path) as client,  # noqa: S106
    ):
        yield client


@contextmanager
def _reached(home: Path) -> Iterator[str]:
    # A path in a sockaddr_un has 107 bytes, and one of a home may have more.
    folder = os.open(home, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{SOCKET}"
    finally:
        os.close(folder)
