from dataclasses import replace

import pytest

from hermetic.certificates.credential import Credential
from hermetic.certificates.envelope import seal, thumbprint_of
from hermetic.certificates.keys import KeyKind, PrivateKey
from hermetic.config.authentication import AzureActiveDirectory, Ldap
from hermetic.config.layers import from_file, resolve
from hermetic.config.secrets import Keys, unsealed
from hermetic.config.web import WebSettings
from hermetic.errors import BadConfiguration
from tests.support.certificates import hierarchy, key_of

SECRET = "Host=db.example.com;Password=s3cret"
SETTING = "ConnectionStrings.postgresql.Connection"


@pytest.fixture(scope="module")
def credential() -> Credential:
    return hierarchy().issue("web.example.com", key=key_of(KeyKind.RSA_2048))


@pytest.fixture
def sealed(credential: Credential) -> str:
    return seal(SECRET, credential.chain.leaf)


@pytest.fixture
def keys(credential: Credential, sealed: str) -> Keys:
    return {thumbprint_of(sealed): credential.key}.get


def database(connection: str) -> WebSettings:
    text = (
        '{"ConnectionStrings": {"postgresql":'
        f' {{"Enabled": true, "Encrypted": true, "Connection": "{connection}"}}}}}}'
    )
    return resolve(WebSettings, from_file(text, file="f")).settings


def no_key(_thumbprint: str) -> PrivateKey | None:
    return None


def test_a_sealed_connection_is_opened_and_is_then_no_longer_sealed(
    sealed: str, keys: Keys
) -> None:
    settings = unsealed(database(sealed), keys)
    postgresql = settings.connection_strings.postgresql
    assert (postgresql.connection, postgresql.encrypted) == (SECRET, False)
    assert unsealed(settings, no_key) == settings


def test_so_are_the_secrets_of_a_directory_by_their_own_flags(sealed: str, keys: Keys) -> None:
    ldap = Ldap(True, query_user_password=sealed, query_user_password_encrypted=True)
    assert unsealed(ldap, keys).query_user_password == SECRET
    directory = AzureActiveDirectory(True, key=sealed, key_encrypted=True)
    assert unsealed(directory, keys) == replace(directory, key=SECRET, key_encrypted=False)


def test_what_is_switched_off_or_in_the_clear_is_left_as_it_is(sealed: str) -> None:
    switched_off = Ldap(query_user_password=sealed, query_user_password_encrypted=True)
    in_the_clear = Ldap(True, query_user_password=sealed)
    blank = Ldap(True, query_user_password_encrypted=True)
    for section in (switched_off, in_the_clear, blank):
        assert unsealed(section, no_key) == section


def test_a_missing_certificate_is_named_with_what_to_do(sealed: str) -> None:
    needed = rf"{SETTING} is sealed for the certificate {thumbprint_of(sealed)}, .* import it"
    with pytest.raises(BadConfiguration, match=needed) as caught:
        unsealed(database(sealed), no_key)
    assert caught.value.key == SETTING


def test_what_cannot_be_opened_is_told_with_the_setting_and_not_repeated(sealed: str) -> None:
    other = key_of(KeyKind.RSA_2048, 1)
    for connection, sentence in (
        (sealed, rf"^{SETTING}: The secret is damaged, or was sealed for another key"),
        (SECRET, rf"^{SETTING}: This is no sealed secret"),
    ):
        with pytest.raises(BadConfiguration, match=sentence) as caught:
            unsealed(database(connection), lambda _thumbprint: other)
        assert connection not in caught.value.text


def test_a_key_that_cannot_have_been_sealed_for_is_told_too(sealed: str) -> None:
    with pytest.raises(BadConfiguration, match="is ec-p256"):
        unsealed(database(sealed), lambda _thumbprint: key_of(KeyKind.EC_P256))
