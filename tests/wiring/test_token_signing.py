from datetime import timedelta

import pytest

from hermetic.certificates.credential import Credential
from hermetic.certificates.keys import KeyKind, generate
from hermetic.certificates.selection import Choice, StoreLocation, StoreName
from hermetic.certificates.signing import self_signed
from hermetic.certstore.files import FileStore
from hermetic.certstore.stores import Stores
from hermetic.clock import system_clock
from hermetic.config.home import Home
from hermetic.errors import BadConfiguration
from hermetic.wiring.token_signing import ENTRY, key_in, shared_key, signing_key


def test_the_key_is_made_once_and_kept(home: Home) -> None:
    store = FileStore(home.certificates)
    made = key_in(store, system_clock)
    assert made.key_size == 2048
    assert key_in(store, system_clock).private_numbers() == made.private_numbers()


def test_a_key_that_rs512_cannot_sign_with_is_refused(home: Home) -> None:
    store = FileStore(home.certificates)
    day = timedelta(days=1)
    other = self_signed(generate(KeyKind.EC_P256), name="x", now=system_clock(), life=day)
    store.write(ENTRY, other)
    with pytest.raises(BadConfiguration, match="RSA"):
        key_in(store, system_clock)


DAY = timedelta(days=1)
NOW = system_clock()  # one moment for all: made in two seconds, one of two would be the newest
CHOICE = Choice.parse(location="LocalMachine", store="My", subject="CN=tokens")


def made(kind: KeyKind = KeyKind.RSA_2048, *, later: timedelta = timedelta()) -> Credential:
    return self_signed(generate(kind), name="tokens", now=NOW + later, life=DAY)


def imported(home: Home, *credentials: Credential) -> Stores:
    stores = Stores(home.stores)
    for one in credentials:
        stores.add(StoreLocation.LOCAL_MACHINE, StoreName.MY, one)
    return stores


async def test_the_key_all_web_nodes_share_is_the_one_the_settings_name(home: Home) -> None:
    credential = made()
    imported(home, credential)
    key = await signing_key(home, CHOICE, system_clock)
    assert key.private_numbers() == credential.key.private_numbers()  # type: ignore[union-attr]
    assert "token-signing" not in FileStore(home.certificates).entries()


def test_of_several_the_newest_signs(home: Home) -> None:
    older, newer = made(), made(later=timedelta(minutes=5))
    stores = imported(home, newer, older)
    assert shared_key(stores, CHOICE).private_numbers() == newer.key.private_numbers()  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("credentials", "message"),
    [
        ((), "certificate import"),
        ((KeyKind.EC_P256,), "not RSA"),
        ((KeyKind.RSA_2048, KeyKind.RSA_2048), "Thumbprint"),
    ],
)
def test_a_key_that_cannot_be_meant_keeps_the_node_from_starting(
    home: Home, credentials: tuple[KeyKind, ...], message: str
) -> None:
    stores = imported(home, *(made(kind) for kind in credentials))
    with pytest.raises(BadConfiguration, match=message):
        shared_key(stores, CHOICE)
