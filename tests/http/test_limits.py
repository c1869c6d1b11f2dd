"""The bounds themselves."""

from dataclasses import FrozenInstanceError

import pytest

from hermetic.http.limits import WireLimits


def test_the_bounds_cannot_be_moved_while_a_node_runs() -> None:
    with pytest.raises(FrozenInstanceError):
        WireLimits().header_s = 1  # type: ignore[misc]


def test_an_upload_may_be_larger_than_a_call_and_a_call_than_a_message() -> None:
    limits = WireLimits()
    assert limits.json_bytes < limits.call_bytes < limits.upload_bytes
