"""A folder is followed: what is put into it is served, whoever puts it there and however."""

import asyncio
import os
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from hermetic.certificates.credential import Credential
from hermetic.certificates.names import DistinguishedName
from hermetic.certificates.roles import Role
from hermetic.certificates.selection import Choice, StoreLocation, StoreName
from hermetic.certstore.chosen import Chosen
from hermetic.certstore.files import FileStore
from hermetic.certstore.stores import Stores
from hermetic.clock import TurnedClock
from hermetic.errors import BadConfiguration
from hermetic.tls import watch
from hermetic.tls.watch import changes
from tests.support.bad_pairs import BAD_PAIRS, BadPair
from tests.support.certificates import DAY, Hierarchy
from tests.support.following import PATIENCE_S, Followed
from tests.support.inotify import Exhausted
from tests.support.volumes import SecretVolume, lay, pair_of
from tests.support.waiting import until

SHORT = timedelta(milliseconds=50)


@pytest.fixture
def first(authority: Hierarchy) -> Credential:
    return authority.issue()


@pytest.fixture
def second(authority: Hierarchy) -> Credential:
    return authority.issue()


@pytest.fixture
async def followed(tmp_path: Path, authority: Hierarchy, first: Credential) -> Followed:
    return Followed(tmp_path / "api", first, TurnedClock(authority.now))


async def test_an_entry_of_our_store_is_followed(
    tmp_path: Path, followed: Followed, first: Credential, authority: Hierarchy
) -> None:
    store = FileStore(tmp_path)
    store.write("api", first)
    async with followed.running():
        for _ in range(3):
            credential = authority.issue()
            await asyncio.to_thread(store.write, "api", credential)
            await followed.serves(credential)
    assert followed.context.swaps == 3
    assert not followed.context.refusals


async def test_every_rotation_of_a_secret_volume_is_followed(
    followed: Followed, first: Credential, authority: Hierarchy
) -> None:
    volume = SecretVolume(followed.folder, pair_of(first))
    async with followed.running():
        for _ in range(5):
            credential = authority.issue()
            volume.rotate(pair_of(credential))
            await followed.serves(credential)
    assert not followed.context.refusals


async def test_what_changed_before_the_watch_began_is_served(
    followed: Followed, second: Credential
) -> None:
    lay(followed.folder, pair_of(second))
    async with followed.running():
        await followed.serves(second)


async def test_a_key_that_comes_after_its_certificate_is_waited_for(
    followed: Followed, first: Credential, second: Credential
) -> None:
    lay(followed.folder, pair_of(first))
    new = pair_of(second)
    async with followed.running():
        lay(followed.folder, {"tls.crt": new["tls.crt"]})
        await followed.refuses("key-mismatch")
        assert followed.context.credential.chain == first.chain
        lay(followed.folder, {"tls.key": new["tls.key"]})
        await followed.serves(second)


@pytest.mark.parametrize("bad", BAD_PAIRS, ids=str)
async def test_a_bad_pair_is_refused_and_the_next_good_one_served(
    followed: Followed, first: Credential, second: Credential, authority: Hierarchy, bad: BadPair
) -> None:
    volume = SecretVolume(followed.folder, pair_of(first))
    async with followed.running():
        volume.rotate(bad.make(authority))
        await followed.refuses(bad.code)
        assert followed.context.credential.chain == first.chain
        volume.rotate(pair_of(second))
        await followed.serves(second)
    assert followed.context.refusals.total() == 1


async def test_a_folder_may_appear_later(followed: Followed, second: Credential) -> None:
    followed.folder = followed.folder / "deeper" / "down"
    async with followed.running():
        await asyncio.to_thread(followed.folder.exists)  # meanwhile the following has begun
        lay(followed.folder, pair_of(second))
        await followed.serves(second)


async def test_a_folder_that_is_replaced_is_watched_anew(
    followed: Followed, first: Credential, second: Credential, authority: Hierarchy
) -> None:
    lay(followed.folder, pair_of(first))
    third = authority.issue()
    async with followed.running():
        lay(followed.folder.with_name("next"), pair_of(second))
        followed.folder.rename(followed.folder.with_name("before"))
        followed.folder.with_name("next").rename(followed.folder)
        await followed.serves(second)
        lay(followed.folder, pair_of(third))
        await followed.serves(third)


async def test_a_folder_that_was_removed_may_come_back(
    followed: Followed, first: Credential, second: Credential
) -> None:
    lay(followed.folder, pair_of(first) | {"tls.key": b""})
    async with followed.running():
        await followed.refuses("empty")
        shutil.rmtree(followed.folder)
        await followed.refuses("missing-file")
        lay(followed.folder, pair_of(second))
        await followed.serves(second)


async def test_a_change_without_an_event_is_found_by_the_poll(
    followed: Followed, first: Credential, second: Credential
) -> None:
    versions = followed.folder / "versions" / "1"
    lay(versions, pair_of(first))
    (followed.folder / "current").symlink_to("versions/1")
    async with followed.running(poll=SHORT):
        lay(versions, pair_of(second))  # one folder down, where nobody watches
        await followed.serves(second)


async def test_the_same_bad_pair_is_refused_once(
    followed: Followed, first: Credential, second: Credential
) -> None:
    lay(followed.folder, pair_of(first) | {"tls.key": b""})
    looks = 0

    async def look() -> None:
        nonlocal looks
        async for _ in changes(followed.folder, poll=SHORT):
            looks += 1
            if looks == 5:
                return

    async with followed.running(poll=SHORT), asyncio.timeout(PATIENCE_S):
        await followed.refuses("empty")
        await look()
    assert followed.context.refusals == {"empty": 1}


async def test_a_pair_that_came_too_early_is_served_when_its_time_comes(
    followed: Followed, first: Credential, authority: Hierarchy
) -> None:
    early = authority.issue(now=authority.now + DAY / 4)
    lay(followed.folder, pair_of(early))
    async with followed.running(poll=SHORT):
        await followed.refuses("not-yet-valid")
        followed.clock.advance(DAY / 2)
        await followed.serves(early)
    assert followed.context.refusals == {"not-yet-valid": 1}


async def test_a_store_may_read_for_itself(
    tmp_path: Path, followed: Followed, first: Credential, second: Credential
) -> None:
    store = FileStore(tmp_path)
    store.write("api", first)
    async with followed.running(read=lambda: store.read("api")):
        (store.folder("api") / "current" / "tls.key").write_bytes(b"damaged")
        os.utime(store.folder("api"))
        store.write("api", second)
        await followed.serves(second)
    assert not followed.context.refusals


async def test_a_digest_of_its_own_says_when_to_read(
    followed: Followed, first: Credential, second: Credential
) -> None:
    word, offered, looks = "one", first, 0

    def digest() -> str:
        nonlocal looks
        looks += 1
        return word

    lay(followed.folder, {})
    async with followed.running(poll=SHORT, read=lambda: offered, digest=digest):
        await until(lambda: looks >= 2)
        offered, before = second, looks
        await until(lambda: looks >= before + 3)
        assert followed.context.credential.chain == first.chain
        word = "two"
        await followed.serves(second)


async def test_what_is_imported_into_a_store_is_followed(
    tmp_path: Path, followed: Followed, first: Credential, authority: Hierarchy
) -> None:
    stores = Stores(tmp_path / "stores")
    stores.add(StoreLocation.LOCAL_MACHINE, StoreName.MY, first)
    choice = Choice(subject=DistinguishedName.parse("CN=localhost"))
    chosen = Chosen(stores, choice, role=Role.API, clock=followed.clock)
    followed.folder = chosen.folder
    async with followed.running(read=chosen.read, digest=chosen.digest):
        stores.add(StoreLocation.LOCAL_MACHINE, StoreName.MY, authority.issue("other.test"))
        for age in range(1, 4):
            renewed = authority.issue(now=authority.now + timedelta(seconds=age))
            stores.add(StoreLocation.LOCAL_MACHINE, StoreName.MY, renewed)
            await followed.serves(renewed)
        found = stores.credentials(StoreLocation.LOCAL_MACHINE, StoreName.MY)
        for one in sorted(found, key=lambda one: one.chain.not_before):
            stores.remove(StoreLocation.LOCAL_MACHINE, StoreName.MY, one.chain.sha256)
        await followed.refuses("no-match")
    assert followed.context.credential.chain == renewed.chain


async def test_what_a_store_cannot_read_is_refused_with_its_type(
    followed: Followed, first: Credential
) -> None:
    def read() -> Credential:
        raise BadConfiguration("The key is not ours.")

    lay(followed.folder, pair_of(first))
    async with followed.running(read=read):
        await followed.refuses("bad-configuration")


async def test_where_watching_fails_the_poll_goes_on_and_says_so_once(
    followed: Followed,
    first: Credential,
    second: Credential,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watch, "Inotify", Exhausted)
    lay(followed.folder, pair_of(first) | {"tls.key": b""})
    with capture_logs() as lines:
        async with followed.running(poll=SHORT):
            await followed.refuses("empty")
            lay(followed.folder, pair_of(second))
            await followed.serves(second)
    assert [line["event"] for line in lines].count("certificate.watch_failed") == 1
