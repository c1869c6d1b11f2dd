"""A key waits for its certificate, durably, and is forgotten when that has come."""

from pathlib import Path

import pytest

from hermetic.certificates.keys import KeyKind, encode, generate
from hermetic.certstore.pending import PendingKey, documents_of, key_in
from hermetic.errors import CertificateRejected, StorageFull
from tests.support.disks import FullAt, SleeplessDisk, TroubledDisk


def test_a_key_waits_until_it_is_forgotten(tmp_path: Path) -> None:
    pending, key = PendingKey(tmp_path, "api", disk=SleeplessDisk()), generate()
    assert pending.read() is None
    pending.write(key)
    found = PendingKey(tmp_path, "api").read()
    assert found is not None
    assert encode(found) == encode(key)
    assert PendingKey(tmp_path, "other").read() is None
    pending.clear()
    pending.clear()
    assert pending.read() is None


def test_the_newest_waits(tmp_path: Path) -> None:
    pending, keys = PendingKey(tmp_path, "api", disk=SleeplessDisk()), [generate() for _ in "ab"]
    for key in keys:
        pending.write(key)
    found = pending.read()
    assert found is not None
    assert encode(found) == encode(keys[1])


def test_others_read_nothing_of_it(tmp_path: Path) -> None:
    PendingKey(tmp_path / "pending", "api").write(generate(KeyKind.EC_P384))
    modes = {path.stat().st_mode & 0o077 for path in (tmp_path / "pending").rglob("*")}
    assert modes == {0}


@pytest.mark.parametrize("step", range(4))
def test_a_full_disk_leaves_what_waited(tmp_path: Path, step: int) -> None:
    key = generate()
    PendingKey(tmp_path, "api").write(key)
    with pytest.raises(StorageFull):
        PendingKey(tmp_path, "api", disk=TroubledDisk(FullAt(step))).write(generate())
    found = PendingKey(tmp_path, "api").read()
    assert found is not None
    assert encode(found) == encode(key)


def test_what_is_no_key_is_refused() -> None:
    with pytest.raises(CertificateRejected):
        key_in({"tls.key": encode(generate()) + encode(generate())})
    key = generate()
    assert encode(key_in(documents_of(key))) == encode(key)
