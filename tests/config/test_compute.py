import pytest

from hermetic.config.compute import ClientCertificate, ComputeSettings
from hermetic.config.sections import CertificateChoice, Certificates, NodeKestrel
from hermetic.errors import BadConfiguration

ISSUER, SUBJECT = "CN=Example CA", "CN=web.example.com"


def test_a_compute_node_is_sealed_everywhere_on_its_own_port() -> None:
    settings = ComputeSettings()
    assert (settings.kestrel.port, settings.kestrel.interface) == (12805, "")
    assert list(settings.notes()) == []


@pytest.mark.parametrize(
    ("section", "key", "sentence"),
    [
        (
            {"enabled": True, "issuer": ISSUER},
            "ClientCertificate.Issuer",
            "ClientCertificate.Subject is blank: write it as it stands in the web node's",
        ),
        (
            {"issuer": " ", "subject": SUBJECT, "fingerprints": ("AB" * 20,)},
            "ClientCertificate.Subject",
            "ClientCertificate.Issuer is blank",
        ),
        (
            {"enabled": True},
            "ClientCertificate.Enabled",
            "its Issuer and Subject are blank: write both .* or set ClientCertificate.Enabled to",
        ),
        ({"enabled": True, "denied": ("AB" * 20,)}, "ClientCertificate.Enabled", "are blank"),
    ],
)
def test_a_section_that_the_original_ignored_keeps_the_node_from_starting(
    section: dict[str, object], key: str, sentence: str
) -> None:
    with pytest.raises(BadConfiguration, match=sentence) as caught:
        ClientCertificate(**section)  # type: ignore[arg-type]  # as a row of the table
    assert caught.value.key == key


@pytest.mark.parametrize(
    ("section", "is_named"),
    [
        ({"enabled": True, "issuer": ISSUER, "subject": SUBJECT}, True),
        ({"enabled": True, "names": ("spiffe://example.com/web",)}, True),
        ({"enabled": True, "fingerprints": ("AB" * 20,)}, True),
        ({"enabled": False, "issuer": ISSUER}, False),
        ({"denied": ("AB" * 20,)}, False),
        ({}, False),
    ],
)
def test_whole_sections_and_those_that_are_switched_off_are_taken(
    section: dict[str, object], is_named: bool
) -> None:
    assert ClientCertificate(**section).is_named is is_named  # type: ignore[arg-type]  # as above


def test_two_certificates_to_present_are_refused() -> None:
    named = NodeKestrel(https_certificate=CertificateChoice(subject_name="CN=a"))
    with pytest.raises(BadConfiguration, match="both name a certificate"):
        ComputeSettings(kestrel=named, certificates=Certificates(folder="/etc/tls"))


def test_notes_are_those_of_the_sections() -> None:
    notes = ComputeSettings(kestrel=NodeKestrel(https_enabled=False)).notes()
    assert [one.key for one in notes] == ["Kestrel.HttpsEnabled"]
