"""An environment in which nobody is logged in, and nothing is said of a node."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Tell = Callable[..., None]
_SAID = {
    "MSI_ENDPOINT",
    "MSI_SECRET",
    "ARM_CLOUD_METADATA_URL",
    "HERMETIC_URL",
    "HERMETIC_CA",
    "HERMETIC_TOKEN",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
}


@pytest.fixture(autouse=True)
def tell(tmp_path: Path) -> Iterator[Tell]:
    """Sets variables for one test, in a home of its own."""
    before = dict(os.environ)
    for name in _SAID:
        os.environ.pop(name, None)
    os.environ |= {"HOME": str(tmp_path), "HERMETIC_HOME": str(tmp_path)}
    yield lambda **variables: os.environ.update(variables)
    os.environ.clear()
    os.environ.update(before)
