"""Why a connection failed, in the words of whoever wants it to work."""

import ssl

import httpx2
import pytest

from hermetic.client.explaining import explained
from hermetic.errors import TrustFailure, Unreachable

URL = "https://127.0.0.1:1"


def caused_by(cause: BaseException) -> httpx2.HTTPError:
    error = httpx2.ConnectError("it failed")
    error.__cause__ = cause
    return error


def test_nobody_listening_is_told_with_what_starts_a_node() -> None:
    found = explained(URL, None, httpx2.ConnectError("refused"))
    assert isinstance(found, Unreachable)
    assert "hermetic up" in found.text


@pytest.mark.parametrize("error", [httpx2.ReadError("cut off"), httpx2.ReadError("")])
def test_a_connection_that_broke_is_told_as_such(error: httpx2.HTTPError) -> None:
    assert "broke" in explained(URL, None, error).text


def test_a_certificate_that_is_not_believed_is_a_failure_of_trust() -> None:
    cause = ssl.SSLCertVerificationError("no")
    cause.verify_message = "self-signed certificate"
    found = explained(URL, None, caused_by(cause))
    assert isinstance(found, TrustFailure)
    assert "self-signed" in found.text


def test_what_speaks_no_tls_is_told() -> None:
    found = explained(URL, None, caused_by(ssl.SSLError("wrong version")))
    assert "does not speak TLS" in found.text
