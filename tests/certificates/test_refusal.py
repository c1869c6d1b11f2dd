"""How a refusal begins its sentence."""

import ast
from datetime import UTC, datetime
from pathlib import Path

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


def test_the_manual_tells_the_cause_and_the_remedy_of_every_code() -> None:
    top = Path(__file__).parents[2]
    manual = (top / "docs/reference/certificate-verification.md").read_text("utf-8")
    modules = "names strength extensions profile constraints effort revocation verification"
    calls = [
        node
        for module in modules.split()
        for node in ast.walk(
            ast.parse((top / f"src/hermetic/certificates/{module}.py").read_text("utf-8"))
        )
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    ]
    place = {"refusal": 1, "CertificateRejected": 0}
    codes = {
        code.value
        for call in calls
        if isinstance(call.func, ast.Name) and call.func.id in place
        for code in call.args[place[call.func.id] : place[call.func.id] + 1]
        if isinstance(code, ast.Constant) and isinstance(code.value, str)
    }
    assert len(codes) > 20
    assert {code for code in codes if f"| `{code}` |" not in manual} == set()
