"""One authority for all tests of the room: keys take time."""

import pytest

from tests.support.certificates import Hierarchy, hierarchy


@pytest.fixture(scope="session")
def authority() -> Hierarchy:
    """Return an authority whose leaves the tests serve."""
    return hierarchy()


@pytest.fixture(scope="session")
def stranger() -> Hierarchy:
    """Return an authority that nobody trusts unless a test says so."""
    return hierarchy(name="Stranger")
