import pytest

from hermetic.config.authentication import Authorization
from hermetic.config.sections import CertificateChoice, Certificates, NodeKestrel, network
from hermetic.config.web import (
    BackEndConfiguration,
    ConnectionStrings,
    EmbeddedDatabase,
    ServerDatabase,
    WebSettings,
)
from hermetic.errors import BadConfiguration

ON = ServerDatabase(enabled=True, connection="Host=db;Password=s3cret")
OFF = EmbeddedDatabase(enabled=False)


def test_a_web_node_is_sealed_everywhere_and_knows_no_compute_node_unless_told() -> None:
    settings = WebSettings()
    assert (settings.kestrel.port, settings.kestrel.interface) == (12800, "")
    assert settings.back_end_configuration.uris.values == ()
    assert list(settings.notes()) == []


def test_sql_server_is_refused_and_postgresql_named() -> None:
    with pytest.raises(
        BadConfiguration, match=r"SQL Server is not supported: .*postgresql"
    ) as caught:
        ConnectionStrings(sqlserver=ON)
    assert caught.value.key == "ConnectionStrings.sqlserver.Enabled"
    assert "s3cret" not in caught.value.text
    assert ConnectionStrings(sqlserver=ServerDatabase(connection="x")).default_db.enabled


def test_postgresql_without_a_connection_is_refused() -> None:
    with pytest.raises(
        BadConfiguration, match="postgresql is enabled, and its Connection is blank"
    ):
        ConnectionStrings(postgresql=ServerDatabase(enabled=True, connection=" "))
    assert ConnectionStrings(postgresql=ON, default_db=OFF).postgresql.enabled


def test_no_database_at_all_is_refused() -> None:
    with pytest.raises(BadConfiguration, match="No database is enabled"):
        ConnectionStrings(default_db=OFF)


def test_a_client_certificate_that_is_enabled_must_be_named() -> None:
    path = r"BackEndConfiguration\.ClientCertificate is enabled"
    with pytest.raises(BadConfiguration, match=path) as caught:
        BackEndConfiguration(client_certificate=CertificateChoice(enabled=True))
    assert caught.value.key == "BackEndConfiguration.ClientCertificate.Enabled"
    BackEndConfiguration(client_certificate=CertificateChoice(True, thumbprint="AB" * 20))


def test_two_certificates_to_present_are_refused() -> None:
    named = NodeKestrel(https_certificate=CertificateChoice(subject_name="CN=a"))
    with pytest.raises(BadConfiguration, match="both name a certificate"):
        WebSettings(kestrel=named, certificates=Certificates(folder="/etc/tls"))


def test_notes_are_those_of_the_sections() -> None:
    kestrel = NodeKestrel(host="localhost")
    notes = WebSettings(kestrel=kestrel, authorization=Authorization(owner=("A",))).notes()
    assert [one.key for one in notes] == ["Kestrel.Host", "Authorization.Owner"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("10.0.0.7", "10.0.0.7/32"),
        ("10.0.0.0/24", "10.0.0.0/24"),
        ("::1", "::1/128"),
        ("10.0.0.7/24", None),
        ("proxy.example.com", None),
    ],
)
def test_a_proxy_is_an_address_or_a_network(text: str, found: str | None) -> None:
    assert network(text) == found
