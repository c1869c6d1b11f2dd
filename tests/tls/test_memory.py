"""Bytes under a path: there while they are needed, nobody else's, gone afterwards."""

import os
import stat
from pathlib import Path

import pytest

from hermetic.tls.memory import as_path


def test_the_bytes_are_found_under_the_path_and_gone_after_the_block() -> None:
    with as_path(b"secret") as path:
        assert path.read_bytes() == b"secret"
        assert path.read_bytes() == b"secret"
    assert not path.exists()


def test_no_file_is_made() -> None:
    with as_path(b"secret") as path:
        assert path.parent == Path("/proc/self/fd")
        assert str(path.readlink()).startswith("/memfd:")


def test_more_than_one_write_takes_is_written() -> None:
    data = os.urandom(1 << 20)
    with as_path(data) as path:
        assert path.read_bytes() == data


def test_without_nameless_memory_the_file_is_private_from_its_first_instant(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(os, "memfd_create")
    before = os.umask(0)
    try:
        with as_path(b"secret") as path:
            assert path.read_bytes() == b"secret"
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    finally:
        os.umask(before)
    assert not path.parent.exists()


def test_without_it_the_file_goes_also_when_the_block_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(os, "memfd_create")
    with pytest.raises(KeyError), as_path(b"secret") as path:
        raise KeyError(path)
    assert not path.parent.exists()
