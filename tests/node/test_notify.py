"""What the service manager is told."""

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from hermetic.node.notify import READY, STOPPING, Manager, reloading, status


@pytest.fixture
def manager_socket(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(10)
        yield listening


def test_the_manager_hears_what_it_is_told(manager_socket: socket.socket) -> None:
    manager = Manager({"NOTIFY_SOCKET": manager_socket.getsockname()})
    manager.tell(READY, status("serving\non 12800"))
    assert manager_socket.recv(100) == b"READY=1\nSTATUS=serving on 12800"
    manager.tell(STOPPING)
    assert manager_socket.recv(100) == b"STOPPING=1"


def test_a_start_again_in_place_tells_since_when(manager_socket: socket.socket) -> None:
    Manager({"NOTIFY_SOCKET": manager_socket.getsockname()}).tell(reloading(12.5))
    assert manager_socket.recv(100) == b"RELOADING=1\nMONOTONIC_USEC=12500000"


def test_an_abstract_socket_is_reached_by_its_at_sign() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(f"\0hermetic-test-{os.getpid()}")
        listening.settimeout(10)
        Manager({"NOTIFY_SOCKET": f"@hermetic-test-{os.getpid()}"}).tell(READY)
        assert listening.recv(100) == b"READY=1"


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": "/nowhere/at/all"}])
def test_nobody_who_listens_is_no_error(environment: dict[str, str]) -> None:
    Manager(environment).tell(READY)


async def test_a_manager_with_a_watchdog_gets_signs_of_life(
    manager_socket: socket.socket,
) -> None:
    environment = {"NOTIFY_SOCKET": manager_socket.getsockname(), "WATCHDOG_USEC": "20000"}
    watching = asyncio.create_task(Manager(environment).watch())
    heard = [await asyncio.to_thread(manager_socket.recv, 100) for _ in range(3)]
    watching.cancel()
    assert heard == [b"WATCHDOG=1"] * 3


@pytest.mark.parametrize(
    "environment", [{}, {"WATCHDOG_USEC": "soon"}, {"WATCHDOG_USEC": "20000", "WATCHDOG_PID": "1"}]
)
async def test_without_a_watchdog_of_ours_watching_ends_at_once(
    environment: dict[str, str],
) -> None:
    await asyncio.wait_for(Manager(environment).watch(), 10)
