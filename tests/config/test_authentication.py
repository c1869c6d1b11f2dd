import pytest

from hermetic.config.authentication import (
    Authentication,
    Authorization,
    AzureActiveDirectory,
    Ldap,
)
from hermetic.config.sections import CertificateChoice
from hermetic.errors import BadConfiguration


def test_a_directory_that_is_switched_on_is_refused_with_what_to_do() -> None:
    sentence = r"Authentication\.LDAP\.Enabled is true, .*: set it to false and use local accounts"
    with pytest.raises(BadConfiguration, match=sentence) as caught:
        Authentication(ldap=Ldap(enabled=True))
    assert caught.value.key == "Authentication.LDAP.Enabled"
    Authentication(ldap=Ldap(host="ldap.example.com"))


def test_so_is_azure_active_directory() -> None:
    with pytest.raises(BadConfiguration, match="not supported yet") as caught:
        Authentication(azure_active_directory=AzureActiveDirectory(enabled=True))
    assert caught.value.key == "Authentication.AzureActiveDirectory.Enabled"
    Authentication(azure_active_directory=AzureActiveDirectory(audience="0000"))


def test_a_signing_certificate_that_is_enabled_must_be_named() -> None:
    with pytest.raises(BadConfiguration, match=r"Authentication\.JWTSigningCertificate is enabled"):
        Authentication(jwt_signing_certificate=CertificateChoice(enabled=True))
    named = CertificateChoice(enabled=True, subject_name="CN=LOCALHOST")
    assert Authentication(jwt_signing_certificate=named).jwt_signing_certificate.is_chosen


def test_groups_are_noted_because_nobody_is_asked_for_them() -> None:
    notes = list(Authorization(owner=("Administrators",), reader=("Everybody",)).notes())
    assert [one.key for one in notes] == ["Authorization.Owner", "Authorization.Reader"]
    assert list(Authorization(cache_life_time_in_minutes=5).notes()) == []
