"""Fixtures of the client: an authority, and nodes that present what it issued."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest

from hermetic.certificates.credential import Credential
from tests.support.certificates import Hierarchy, hierarchy
from tests.support.played_node import Played, playing

Play = Callable[[Credential | None], AbstractContextManager[Played]]


@pytest.fixture(scope="session")
def authority() -> Hierarchy:
    return hierarchy()


@pytest.fixture(scope="session")
def ca(authority: Hierarchy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    path.write_bytes(authority.root_pem)
    return path


@pytest.fixture
def play(tmp_path: Path) -> Play:
    """Return what plays a node that presents a credential, or speaks plain HTTP without one."""
    return partial(playing, folder=tmp_path)


@pytest.fixture
def node(play: Play, authority: Hierarchy) -> Iterator[Played]:
    """A node whose certificate the authority issued."""
    with play(authority.issue()) as played:
        yield played
