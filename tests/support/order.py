"""A pytest plugin: the fast tests run first, so that a mistake shows in seconds."""

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Move what is slow or drives the whole product to the end; the order is kept otherwise."""
    items.sort(key=lambda one: any(one.iter_markers(name) for name in ("slow", "system")))
