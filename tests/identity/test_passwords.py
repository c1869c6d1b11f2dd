import asyncio
import string
import threading

import pytest
from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import strategies as st

from hermetic.errors import BadInput, Busy, Unavailable
from hermetic.identity.passwords import SYMBOLS, Passwords, generate, refuse_weak
from tests.support.accounts import ANOTHER, PASSWORD, fast_passwords
from tests.support.waiting import until


@pytest.mark.parametrize(
    "password", [PASSWORD, ANOTHER, "Aa1~5678", "Aa1,567890123456", "Äöüa1A;x"]
)
def test_a_good_password_is_accepted(password: str) -> None:
    refuse_weak(password)


@pytest.mark.parametrize(
    ("password", "missing"),
    [
        ("Aa1~567", "8 to 16 characters"),
        ("Aa1~5678901234567", "8 to 16 characters"),
        ("aa1~5678", "an upper-case letter"),
        ("AA1~5678", "a lower-case letter"),
        ("Aab~abcd", "a digit"),
        ("Aa145678", "one of"),
        ("Aa1*5678", "one of"),  # a symbol, but none of the listed
    ],
)
def test_a_weak_password_is_refused_with_what_is_missing(password: str, missing: str) -> None:
    with pytest.raises(BadInput, match=f"needs {missing}") as caught:
        refuse_weak(password)
    assert password not in caught.value.text


def test_every_listed_symbol_counts() -> None:
    for symbol in SYMBOLS:
        refuse_weak(f"Aa1bcdef{symbol}")


def test_generated_passwords_are_good_long_and_different() -> None:
    generated = {generate() for _ in range(200)}
    for password in generated:
        refuse_weak(password)
    assert len(generated) == 200
    assert {len(password) for password in generated} == {16}
    assert all(password[0] in string.ascii_letters for password in generated)


async def test_a_password_fits_its_hash_and_no_other() -> None:
    passwords = fast_passwords()
    kept = await passwords.hash(PASSWORD)
    assert await passwords.fits(PASSWORD, kept)
    assert not await passwords.fits(ANOTHER, kept)
    assert not await passwords.fits(PASSWORD, None)
    assert not await passwords.fits(PASSWORD, "no hash at all")
    await passwords.close()


async def test_a_hash_is_argon2id_and_never_twice_the_same() -> None:
    passwords = fast_passwords()
    first, second = await passwords.hash(PASSWORD), await passwords.hash(PASSWORD)
    assert first != second
    assert first.startswith("$argon2id$")
    await passwords.close()


async def test_what_we_keep_by_default_is_as_strong_as_the_standard_asks() -> None:
    passwords = Passwords()
    kept = await passwords.hash(PASSWORD)
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=1$")
    assert not passwords.is_outdated(kept)
    await passwords.close()


async def test_a_weaker_hash_of_old_is_outdated() -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    passwords = Passwords()
    assert passwords.is_outdated(weak)
    await passwords.close()


class HeldHasher(PasswordHasher):
    """A hasher that waits until it is let go, and counts how many are at it together."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.go = threading.Event()
        self.at_once = self.most = 0

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        self.go.wait(10)
        self.at_once -= 1
        return super().hash(password, salt=salt)


async def test_a_flood_gets_two_threads_and_is_then_told_to_wait() -> None:
    hasher = HeldHasher()
    passwords = Passwords(hasher=hasher, waiting=5)
    flood = [asyncio.ensure_future(passwords.hash(PASSWORD)) for _ in range(5)]
    await until(lambda: hasher.at_once == 2)
    with pytest.raises(Busy, match="Too many logins"):
        await passwords.hash(PASSWORD)
    hasher.go.set()
    await asyncio.gather(*flood)
    assert hasher.most <= 2
    assert await passwords.hash(PASSWORD)
    await passwords.close()


async def test_after_the_end_nothing_is_hashed() -> None:
    passwords = fast_passwords()
    await passwords.close()
    with pytest.raises(Unavailable):
        await passwords.hash(PASSWORD)


@given(st.text(max_size=40))
def test_whatever_is_accepted_follows_the_policy(password: str) -> None:
    try:
        refuse_weak(password)
    except BadInput:
        return
    assert 8 <= len(password) <= 16
    kinds = (string.ascii_uppercase, string.ascii_lowercase, string.digits, SYMBOLS)
    assert all(set(password) & set(kind) for kind in kinds)
