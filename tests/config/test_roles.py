"""The old files as they are, each taken by its role, and told apart from the other's."""

from typing import TypeVar

import pytest

from hermetic.config.compute import ComputeSettings
from hermetic.config.layers import Resolved, from_file, resolve
from hermetic.config.roles import ROLES
from hermetic.config.tree import Tree, places
from hermetic.config.web import WebSettings
from hermetic.errors import BadConfiguration
from tests.support import old_settings as old

S = TypeVar("S", bound=Tree)

WEB = {"9.0.1": old.WEB_9_0_1, "9.1": old.WEB_9_1, "9.3": old.WEB_9_3}
COMPUTE = {"9.0.1": old.COMPUTE_9_0_1, "9.1": old.COMPUTE_9_1, "9.3": old.COMPUTE_9_3}


def read(tree: type[S], text: str) -> Resolved[S]:
    return resolve(tree, from_file(text, file="appsettings.json"))


def settled(resolved: Resolved[S]) -> dict[str, object]:
    """What differs from the defaults."""
    return {one.key: one.value for one in resolved.explained if one.origin != "default"}


def test_a_web_nodes_file_of_9_0_1_is_taken_with_its_lists_of_one() -> None:
    resolved = read(WebSettings, old.WEB_9_0_1)
    settings = resolved.settings
    assert settings.authentication.ldap.host == "ldap.example.com"
    assert settings.authentication.ldap.use_ldaps
    assert settings.authentication.azure_active_directory.audience == "0000"
    assert settings.authentication.admin_password == old.HASH
    assert settings.back_end_configuration.uris.values == ("http://localhost:12805",)
    assert settings.logging.log_level.default == "Critical"  # called Fatal then
    assert settings.kestrel.interface == "localhost"
    assert settled(resolved)["Authentication.JWTKey"] == "(secret)"


def test_a_web_nodes_file_of_9_1_is_taken_with_database_and_directory() -> None:
    settings = read(WebSettings, old.WEB_9_1).settings
    assert settings.kestrel.https_certificate.is_chosen  # Enabled was not known then
    assert settings.authentication.ldap.port == 636
    assert settings.authentication.jwt_signing_certificate.store_location == "CurrentUser"
    assert old.PASSWORD in settings.connection_strings.postgresql.connection
    assert settings.back_end_configuration.uris.ranges == ("http://10.0.1.0-255:12805",)
    assert settings.max_number_of_threads_per_batch_execution == 50
    assert settings.back_end_configuration.client_certificate.subject_name == "CN=web.example.com"


def test_a_web_nodes_file_of_9_3_is_taken_with_its_newer_names() -> None:
    resolved = read(WebSettings, old.WEB_9_3)
    settings = resolved.settings
    thumbprint = "A909502DD82AE41433E6F83886B00D4277A32A7B"
    assert settings.kestrel.https_certificate.thumbprint == thumbprint
    assert settings.back_end_configuration.connection_timeout.total_seconds() == 3600
    assert settings.batch_execution_checkout_time_span.total_seconds() == 3600
    assert settings.cors.origins == ("https://portal.example.com",)
    assert not settings.back_end_configuration.client_certificate.is_chosen
    assert settled(resolved)["BackEndConfiguration.ConnectionTimeout"] == "01:00:00"


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("9.0.1", {"Kestrel.Port": 12805, "RServePort": 9054, "ClientCertificate.Enabled": False}),
        ("9.1", {"Kestrel.Port": 443, "ClientCertificate.Issuer": "CN=Example CA"}),
        ("9.3", {"RServePort": 9055, "ClientCertificate.Issuer": "CN=Example CA, O=Example, C=DE"}),
    ],
)
def test_a_compute_nodes_file_is_taken(version: str, expected: dict[str, object]) -> None:
    found = settled(read(ComputeSettings, COMPUTE[version]))
    assert found.items() >= expected.items()


@pytest.mark.parametrize("text", WEB.values(), ids=WEB)
def test_a_web_nodes_file_is_told_from_a_compute_nodes(text: str) -> None:
    with pytest.raises(BadConfiguration, match="this looks like a web node's file"):
        read(ComputeSettings, text)


@pytest.mark.parametrize("text", COMPUTE.values(), ids=COMPUTE)
def test_a_compute_nodes_file_is_told_from_a_web_nodes(text: str) -> None:
    with pytest.raises(BadConfiguration, match="this looks like a compute node's file"):
        read(WebSettings, text)


@pytest.mark.parametrize("text", [*WEB.values(), *COMPUTE.values()], ids=[*WEB, *COMPUTE])
def test_no_secret_is_shown_of_any(text: str) -> None:
    tree: type[Tree] = WebSettings if text in WEB.values() else ComputeSettings
    resolved = read(tree, text)
    for secret in (old.HASH, old.KEY, old.PASSWORD, "ABCD0000"):
        assert secret not in repr(resolved)


def test_notes_say_what_changes_nothing_and_where_it_stands() -> None:
    notes = read(WebSettings, old.WEB_9_0_1).notes
    assert [one.key for one in notes] == [
        "Authentication.AdminPassword",
        "Authentication.JWTKey",
        "ConnectionStrings.defaultDb.Connection",
        "Kestrel.HttpsEnabled",
    ]
    assert notes[-1].origin == "appsettings.json:9:5"
    assert [one.key for one in read(ComputeSettings, old.COMPUTE_9_1).notes] == []


@pytest.mark.parametrize("tree", ROLES.values(), ids=ROLES)
def test_every_setting_says_what_it_means(tree: type[Tree]) -> None:
    found = list(places(tree))
    assert [one.key for one in found if not one.declared.meaning] == []
    assert len({one.key.lower() for one in found}) == len(found)
