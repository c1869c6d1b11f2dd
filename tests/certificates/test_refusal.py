"""How a refusal begins its sentence."""

from datetime import UTC, datetime

from cryptography import x509

from hermetic.certificates.keys import KeyKind
from hermetic.certificates.refusal import refusal, shown, told
from tests.support.certificates import key_of
from tests.support.mint import authority, leaf, revocation_list, subject


def test_a_refusal_names_the_certificate_the_code_and_the_reason() -> None:
    certificate = leaf(authority(), common_name="node.example.com")
    error = refusal(certificate, "expired", "expired.")
    assert (error.code, error.text) == (
        "expired",
        "The certificate of 'CN=node.example.com' expired.",
    )


def test_a_certificate_without_a_subject_is_named_by_its_serial_number() -> None:
    error = refusal(leaf(authority()), "expired", "expired.")
    assert error.text == "The certificate without a subject (serial number 5ea1ed) expired."


def test_requests_and_lists_are_named_as_what_they_are() -> None:
    request = x509.CertificateSigningRequestBuilder(subject("a.example")).sign(
        key_of(KeyKind.ED25519), None
    )
    nobody = x509.CertificateSigningRequestBuilder(subject("")).sign(key_of(KeyKind.ED25519), None)
    assert refusal(request, "x", "y").text == "The request of 'CN=a.example' y"
    assert refusal(nobody, "x", "y").text == "The request without a subject y"
    assert refusal(revocation_list(authority()), "x", "y").text == (
        "The revocation list of 'CN=Root' y"
    )


def test_a_long_name_is_cut() -> None:
    assert shown("x" * 1000) == f"'{'x' * 200}…'"
    assert shown(subject("a.example")) == "'CN=a.example'"


def test_a_moment_is_told_to_the_second() -> None:
    assert told(datetime(2026, 6, 1, 12, 30, 1, 999, UTC)) == "2026-06-01 12:30:01 UTC"
