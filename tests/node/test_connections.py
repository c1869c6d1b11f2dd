"""The caps: who is admitted, and that a place is free again as soon as its socket has ended."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from hermetic.node.connections import Connections


@pytest.fixture
def ends() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def accepted(ends: ExitStack) -> socket.socket:
    """Return a connected socket."""
    ours, theirs = socket.socketpair()
    ends.enter_context(theirs)
    return ends.enter_context(ours)


def admitted(connections: Connections, ends: ExitStack, address: str = "a") -> socket.socket | None:
    """Return what becomes of a connection from *address*."""
    counted = connections.admit(accepted(ends), address)
    return ends.enter_context(counted) if counted is not None else None


def test_an_admitted_socket_works_as_before_and_does_not_block(ends: ExitStack) -> None:
    ours, theirs = socket.socketpair()
    counted = Connections(most=1, most_per_address=1).admit(ours, "a")
    assert counted is not None
    with counted, theirs:
        assert (counted.family, counted.type) == (theirs.family, theirs.type)
        with pytest.raises(BlockingIOError):
            counted.recv(1)
        counted.sendall(b"hello")
        assert theirs.recv(5) == b"hello"


def test_one_too_many_is_closed(ends: ExitStack) -> None:
    connections = Connections(most=1, most_per_address=9)
    assert admitted(connections, ends, "a") is not None
    late = accepted(ends)
    assert connections.admit(late, "b") is None
    assert late.fileno() == -1
    assert connections.open == 1


def test_one_too_many_from_an_address_is_closed_and_others_are_not(ends: ExitStack) -> None:
    connections = Connections(most=9, most_per_address=1)
    assert admitted(connections, ends, "a") is not None
    assert admitted(connections, ends, "a") is None
    assert admitted(connections, ends, "b") is not None


def test_connections_without_an_address_count_in_all_only(ends: ExitStack) -> None:
    connections = Connections(most=2, most_per_address=1)
    assert admitted(connections, ends, "") is not None
    assert admitted(connections, ends, "") is not None
    assert admitted(connections, ends, "") is None


def test_a_place_is_free_again_once_the_socket_is_closed(ends: ExitStack) -> None:
    connections = Connections(most=1, most_per_address=1)
    first = admitted(connections, ends)
    assert first is not None
    first.close()
    first.close()
    assert connections.open == 0
    assert admitted(connections, ends) is not None


def test_a_place_is_free_again_once_the_descriptor_was_given_away(ends: ExitStack) -> None:
    connections = Connections(most=1, most_per_address=1)
    first = admitted(connections, ends)
    assert first is not None
    ends.enter_context(socket.socket(fileno=first.detach()))
    assert admitted(connections, ends) is not None
