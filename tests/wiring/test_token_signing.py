from datetime import timedelta

import pytest

from hermetic.certificates.keys import KeyKind, generate
from hermetic.certificates.signing import self_signed
from hermetic.certstore.files import FileStore
from hermetic.clock import system_clock
from hermetic.config.home import Home
from hermetic.errors import BadConfiguration
from hermetic.wiring.token_signing import ENTRY, key_in


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
