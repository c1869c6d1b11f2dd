from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from structlog.testing import capture_logs

from hermetic.certificates.chain import Chain
from hermetic.certificates.keys import KeyKind, kind_of
from hermetic.certificates.roles import Role
from hermetic.certificates.signing import request
from hermetic.certificates.verification import verify
from hermetic.certstore.files import FileStore
from hermetic.clock import TurnedClock
from hermetic.errors import BadConfiguration, CertificateRejected, StorageFull
from hermetic.issuers.authority import Authority
from tests.support.authority import opened
from tests.support.certificates import hierarchy, key_of
from tests.support.disks import FullAt, SleeplessDisk, Steps, TroubledDisk

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)
REQUEST = request(key_of(KeyKind.EC_P256), names=["localhost", "127.0.0.1"])


class Crash(BaseException):
    """The end of the process, as far as a test can bear it: nothing is tidied up after it."""


class CrashAt:
    def __init__(self, number: int) -> None:
        self._left = number

    def __call__(self, step: str, path: Path) -> None:
        self._left -= 1
        if self._left == -1:
            raise Crash


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock(NOW)


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "authority", disk=SleeplessDisk())


@pytest.fixture
def authority(store: FileStore, clock: TurnedClock) -> Authority:
    return opened(store, clock)


async def issue(authority: Authority) -> Chain:
    return await authority.issue(REQUEST, Role.API)


def spoil(store: FileStore, entry: str) -> None:
    for path in (store.folder(entry) / "versions").glob("*/tls.key"):
        path.write_bytes(b"")


def test_a_new_authority_has_a_root_of_ten_years_and_an_intermediate_of_three(
    store: FileStore, authority: Authority
) -> None:
    root, intermediate = store.read("root").chain, store.read("intermediate").chain
    assert store.entries() == ("intermediate", "root")
    assert (root.not_after - NOW).days == 3652
    assert (intermediate.not_after - NOW).days == 1095
    constraints = intermediate.leaf.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (constraints.value.ca, constraints.value.path_length) == (True, 0)
    assert authority.root_pem == root.pem


def test_the_keys_are_of_elliptic_curves(store: FileStore, authority: Authority) -> None:
    assert kind_of(store.read("root").key) is KeyKind.EC_P256
    assert kind_of(store.read("intermediate").key) is KeyKind.EC_P256
    assert authority.root_pem


async def test_a_leaf_lives_a_day_and_began_five_minutes_ago(
    clock: TurnedClock, authority: Authority
) -> None:
    clock.advance(DAY)
    chain = await issue(authority)
    assert chain.not_after == NOW + 2 * DAY
    assert chain.not_before == NOW + DAY - timedelta(minutes=5)
    assert chain.names == ("localhost", "127.0.0.1")


async def test_a_leaf_is_believed_through_the_root_and_only_by_its_names(
    authority: Authority,
) -> None:
    chain, roots = await issue(authority), [x509.load_pem_x509_certificate(authority.root_pem)]
    verify(chain.certificates, roots=roots, at=NOW, name="localhost", purpose=Role.API)
    with pytest.raises(CertificateRejected, match="not"):
        verify(chain.certificates, roots=roots, at=NOW, name="node.test", purpose=Role.API)


async def test_issuing_is_told_without_a_key(authority: Authority) -> None:
    with capture_logs() as events:
        chain = await issue(authority)
    assert events == [
        {
            "event": "certificate.issued",
            "log_level": "info",
            "module": "hermetic.issuers.authority",
            "names": chain.names,
            "role": "api",
            "serial": f"{chain.serial:x}",
            "not_after": chain.not_after.isoformat(),
        }
    ]


async def test_an_authority_opened_again_is_the_same(
    store: FileStore, clock: TurnedClock, authority: Authority
) -> None:
    chain = await issue(authority)
    again = opened(store, clock)
    assert again.root_pem == authority.root_pem
    assert again.issued(chain)


def test_two_authorities_have_different_names(tmp_path: Path, clock: TurnedClock) -> None:
    stores = [FileStore(tmp_path / name, disk=SleeplessDisk()) for name in ("one", "two")]
    for store in stores:
        opened(store, clock, name="Example")
    names = {store.read(entry).chain.subject for store in stores for entry in store.entries()}
    assert len(names) == 4
    assert all("Example " in name for name in names)


@pytest.mark.slow
def test_a_creation_that_crashes_anywhere_is_completed(tmp_path: Path, clock: TurnedClock) -> None:
    steps = Steps()
    opened(FileStore(tmp_path / "whole", disk=TroubledDisk(steps)), clock)
    for number in range(len(steps.taken)):
        root = tmp_path / str(number)
        with pytest.raises(Crash):
            opened(FileStore(root, disk=TroubledDisk(CrashAt(number))), clock)
        store = FileStore(root, disk=SleeplessDisk())
        survivor = store.read("root").chain.pem if "root" in store.entries() else None
        authority = opened(store, clock)
        assert survivor in (None, authority.root_pem)
        assert opened(store, clock).root_pem == authority.root_pem


async def test_a_disk_that_is_full_at_creation_is_no_obstacle_later(
    tmp_path: Path, clock: TurnedClock
) -> None:
    with pytest.raises(StorageFull):
        opened(FileStore(tmp_path / "a", disk=TroubledDisk(FullAt(40))), clock)
    authority = opened(FileStore(tmp_path / "a"), clock)
    assert authority.issued(await issue(authority))


def test_a_root_of_which_one_copy_is_damaged_is_still_the_root(
    store: FileStore, clock: TurnedClock, authority: Authority
) -> None:
    (store.folder("root") / "current" / "tls.key").write_bytes(b"")
    assert opened(store, clock).root_pem == authority.root_pem


@pytest.mark.usefixtures("authority")
def test_a_root_that_is_lost_is_not_replaced_behind_its_clients_backs(
    store: FileStore, clock: TurnedClock
) -> None:
    spoil(store, "root")
    with pytest.raises(BadConfiguration, match="restore the authority's folder from a backup"):
        opened(store, clock)
    assert store.entries() == ("intermediate",)


async def test_an_intermediate_that_is_lost_is_replaced(
    store: FileStore, clock: TurnedClock, authority: Authority
) -> None:
    chain = await issue(authority)
    spoil(store, "intermediate")
    again = opened(store, clock)
    assert again.root_pem == authority.root_pem
    assert again.issued(chain)
    assert again.issued(await issue(again))


async def test_an_intermediate_of_another_root_is_replaced(
    store: FileStore, clock: TurnedClock, authority: Authority
) -> None:
    store.write("intermediate", hierarchy(NOW).intermediate)
    again = opened(store, clock)
    assert again.issued(await issue(again))
    assert again.root_pem == authority.root_pem


async def test_an_intermediate_is_renewed_at_two_thirds_of_its_life(
    clock: TurnedClock, authority: Authority
) -> None:
    first = (await issue(authority)).issuers
    clock.advance(729 * DAY)
    assert (await issue(authority)).issuers == first
    clock.advance(2 * DAY)
    chain = await issue(authority)
    assert chain.issuers != first
    assert authority.issued(chain)


async def test_two_processes_renew_one_intermediate(
    store: FileStore, clock: TurnedClock, authority: Authority
) -> None:
    other = opened(store, clock)
    clock.advance(731 * DAY)
    assert (await issue(authority)).issuers == (await issue(other)).issuers


async def test_an_intermediate_that_is_due_goes_on_while_the_disk_is_full(
    tmp_path: Path, clock: TurnedClock, authority: Authority
) -> None:
    first = (await issue(authority)).issuers
    clock.advance(731 * DAY)
    full = opened(FileStore(tmp_path / "authority", disk=TroubledDisk(FullAt(0))), clock)
    with capture_logs() as events:
        assert (await issue(full)).issuers == first
    assert [e["event"] for e in events] == ["authority.renewal_failed", "certificate.issued"]
    clock.advance(366 * DAY)
    with pytest.raises(StorageFull):
        await issue(full)


async def test_nothing_outlives_the_root(
    store: FileStore, clock: TurnedClock, authority: Authority
) -> None:
    clock.now = store.read("root").chain.not_after - timedelta(hours=6)
    chain = await issue(authority)
    assert chain.not_after == store.read("root").chain.not_after
    assert chain.not_after == chain.issuers[0].not_valid_after_utc
    assert (await issue(authority)).issuers == chain.issuers


async def test_an_expired_root_neither_signs_nor_opens(
    store: FileStore, clock: TurnedClock, authority: Authority
) -> None:
    clock.now = store.read("root").chain.not_after + timedelta(seconds=1)
    with pytest.raises(BadConfiguration, match="expired on 2036-11-21"):
        await issue(authority)
    with pytest.raises(BadConfiguration, match="expired on 2036-11-21"):
        opened(store, clock)


@pytest.mark.parametrize(("left", "stage"), [(1200, "due"), (600, "late"), (180, "critical")])
def test_the_end_of_the_root_is_announced_in_stages(
    store: FileStore, clock: TurnedClock, authority: Authority, left: int, stage: str
) -> None:
    with capture_logs() as early:
        opened(store, clock)
    clock.now = store.read("root").chain.not_after - left * DAY
    with capture_logs() as late:
        assert opened(store, clock).root_pem == authority.root_pem
    assert [e["event"] for e in early] == []
    assert (late[0]["event"], late[0]["stage"]) == ("authority.root_expiring", stage)


async def test_a_clock_that_is_behind_the_authority_is_named(
    clock: TurnedClock, authority: Authority
) -> None:
    clock.advance(-40 * DAY)
    with pytest.raises(CertificateRejected, match="check this machine's clock"):
        await issue(authority)


@pytest.mark.usefixtures("authority")
def test_nothing_is_written_outside_the_store(tmp_path: Path) -> None:
    assert sorted(path.name for path in tmp_path.iterdir()) == ["authority", "authority.jsonl"]
