from dataclasses import replace
from datetime import UTC, datetime

import pytest

from hermetic.certificates.keys import KeyKind, encode_public
from hermetic.errors import BadConfiguration
from hermetic.issuers.acme.account import FACTS, KEY, Account
from tests.support.certificates import key_of

ACCOUNT = Account(
    key_of(KeyKind.EC_P256),
    "https://acme.test/account/1",
    datetime(2026, 11, 26, 12, tzinfo=UTC),
    {"a.test": "https://acme.test/order/1"},
    ("ab", "cd"),
)


@pytest.mark.parametrize("account", [ACCOUNT, Account(key_of(KeyKind.RSA_2048))])
def test_what_is_kept_is_found_again(account: Account) -> None:
    found = Account.of(account.files())
    assert replace(found, key=account.key) == account
    assert encode_public(found.key.public_key()) == encode_public(account.key.public_key())


def test_only_the_newest_certificates_are_remembered() -> None:
    many = replace(ACCOUNT, issued=tuple(str(number) for number in range(530)))
    assert Account.of(many.files()).issued == tuple(str(number) for number in range(30, 530))


@pytest.mark.parametrize(
    "spoilt",
    [
        {KEY: b"-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"},
        {KEY: b""},
        {FACTS: b"{}"},
        {FACTS: b"[]"},
        {FACTS: b"not json"},
        {FACTS: b'{"kid": "", "notBefore": 7, "underWay": {}, "issued": []}'},
    ],
)
def test_what_is_no_account_is_told_without_its_key(spoilt: dict[str, bytes]) -> None:
    with pytest.raises(BadConfiguration, match="move its folder") as caught:
        Account.of({**ACCOUNT.files(), **spoilt})
    assert "c2VjcmV0" not in caught.value.text
    assert "PRIVATE" not in repr(ACCOUNT)
