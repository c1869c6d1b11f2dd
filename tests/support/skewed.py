"""Processes whose clock is off, by libfaketime."""

from datetime import timedelta
from pathlib import Path

import pytest

LIBRARY = next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), None)
needs_faketime = pytest.mark.skipif(LIBRARY is None, reason="faketime is not installed")


def off_by(skew: timedelta) -> dict[str, str]:
    """Return what gives a process, in its environment, a clock that is *skew* ahead."""
    assert LIBRARY is not None
    return {
        "LD_PRELOAD": str(LIBRARY),
        "FAKETIME": f"{skew.total_seconds():+.0f}",
        # an event loop waits by the monotonic clock, which no skew of a machine moves
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
