"""Why a connection to a node failed, as a person is told who wants it to work."""

import ssl
from pathlib import Path

import httpx2

from hermetic.client import peer
from hermetic.clock import system_clock
from hermetic.errors import HermeticError, TrustFailure, Unreachable


def explained(url: str, ca: Path | None, error: httpx2.HTTPError) -> HermeticError:
    """Return the error that says what to do about *error*, at *url*, where *ca* is trusted."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return TrustFailure(_distrust(url, ca, cause))
    if cause is not None:
        why = getattr(cause, "reason", None) or "the handshake failed"
        return Unreachable(
            f"{url} does not speak TLS as we do ({why}): is it the port of a Hermetic node?"
        )
    if isinstance(error, httpx2.ConnectError):
        return Unreachable(
            f"Nothing answers at {url}: start the node with `hermetic up`, or mend the address."
        )
    return Unreachable(f"The connection to {url} broke: {error or type(error).__name__}.")


def _distrust(url: str, ca: Path | None, error: ssl.SSLCertVerificationError) -> str:
    """Return the sentence about a certificate that was not trusted."""
    parsed = httpx2.URL(url)
    port = parsed.port or 443
    where = f"{parsed.host}:{port}"
    shown = peer.shown_by(parsed.host, port)
    if shown is None:
        return f"The certificate of {where} cannot be trusted: {error.verify_message}."
    now = system_clock()
    life = f"valid from {shown.not_before:%Y-%m-%d %H:%M} to {shown.not_after:%Y-%m-%d %H:%M} UTC"
    if shown.not_after < now or shown.not_before > now:
        return (
            f"The certificate of {where} is {life}, and here it is {now:%Y-%m-%d %H:%M} UTC:"
            " set the clock, or let the node renew it with `hermetic certificate renew`."
        )
    if "mismatch" in error.verify_message:
        return (
            f"The certificate of {where} is for {', '.join(shown.names)}, not for {parsed.host}:"
            f" use one of these names, or start the node with --name {parsed.host}."
        )
    trusted = f"the CA in {ca}" if ca else "any authority of this system"
    return (
        f"The certificate of {where} (issued by {shown.issuer!r}, {life}) does not come from"
        f" {trusted}: name the file that `hermetic up` printed with --ca or HERMETIC_CA."
    )
