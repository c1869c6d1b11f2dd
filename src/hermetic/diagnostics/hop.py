"""One hop, looked at from here: is it open, what is presented there, and by which protocol.

Nothing is believed on the way: the chain is fetched without any check, and judged afterwards,
so that what is wrong can be told by name.
"""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509

from hermetic.certificates.chain import Chain
from hermetic.certificates.credential import Credential
from hermetic.certificates.refusal import shown
from hermetic.diagnostics.check import Finding
from hermetic.diagnostics.resolving import addresses
from hermetic.errors import BadInput, CertificateRejected
from hermetic.tls.contexts import TlsProfile, client_context
from hermetic.tls.exchange import KeyExchange
from hermetic.tls.shown import parsed, shown_on

WITHIN_S = 2.0
"""How long each step of a hop may take: opening, shaking hands, one answer."""

Judged = Callable[[Sequence[x509.Certificate], str], object]
"""Raises `CertificateRejected` for a chain (leaf first) that was presented by a name."""

_LOG = "journalctl -u 'hermetic-*' -n 50, over there"

# What a refused certificate means on a hop, by the code of the refusal.
_CODES = {
    "expired": "certificate.expired",
    "not-yet-valid": "certificate.not-yet-valid",
    "wrong-name": "certificate.wrong-name",
    "no-san": "certificate.wrong-name",
    "wrong-purpose": "certificate.wrong-purpose",
    "revoked": "hop.revoked",
    "unknown-issuer": "hop.untrusted",
    "untrusted-root": "hop.untrusted",
    "self-signed": "hop.untrusted",
}


@dataclass(frozen=True)
class Hop:
    """A hop to look at.

    Args:
        where: How it is called in findings.
        host: Where to connect to; the certificate must be for it.
        judged: Says whether a chain is believed there.
        credential: What is shown to a side that asks who we are.
        at: Where its certificate is mended: "on compute-1", say.
    """

    where: str
    host: str
    port: int
    judged: Judged = field(repr=False)
    credential: Credential | None = field(default=None, repr=False)
    at: str = ""


async def look(hop: Hop, now: datetime) -> list[Finding]:
    """Return what there is to say of *hop*; the last finding says whether it is sealed."""
    closed = await opened(hop.where, hop.host, hop.port)
    if closed is not None:
        return [closed]
    try:
        presented, protocol = await _handshake(hop)
    except TimeoutError:
        return [silent(hop.where)]
    except ssl.SSLError as error:
        return [_no_handshake(hop, error)]
    except OSError as error:
        text = f"The connection broke off in the handshake: {error.strerror or error}."
        return [Finding("port.no-handshake", hop.where, text, _LOG)]
    return _judged(hop, presented, protocol, now)


async def opened(where: str, host: str, port: int) -> Finding | None:
    """Return what keeps a connection to *port* from opening; `None` if it opens."""
    try:
        async with asyncio.timeout(WITHIN_S):
            await addresses(host, port)
    except (OSError, TimeoutError, UnicodeError):
        return Finding(
            "dns.unknown", where, f"{host} has no address.", f"getent hosts {host}; mend DNS or"
            " /etc/hosts",
        )  # fmt: skip
    try:
        async with asyncio.timeout(WITHIN_S):
            _, writer = await asyncio.open_connection(host, port)
    except ConnectionRefusedError:
        text = f"Nothing listens on port {port} of {host}."
        return Finding(
            "port.closed", where, text, f"start the node there; ss -ltn 'sport = {port}'"
        )
    except (OSError, TimeoutError) as error:
        why = getattr(error, "strerror", None) or f"nothing came back within {WITHIN_S:g} s"
        text = f"Port {port} of {host} cannot be reached: {why}."
        remedy = f"let {port}/tcp through the firewall there: nft add rule inet filter input tcp"
        return Finding("port.filtered", where, text, f"{remedy} dport {port} accept")
    writer.close()
    return None


def life_of(certificate: x509.Certificate) -> timedelta:
    """Return how long the certificate is good for in all."""
    return certificate.not_valid_after_utc - certificate.not_valid_before_utc


def time_left(certificate: x509.Certificate, now: datetime) -> str:
    """Return how long it is still good for, in words."""
    left = certificate.not_valid_after_utc - now
    if left >= timedelta(days=2):
        return f"{left.days} days"
    return f"{max(left, timedelta()).total_seconds() / 3600:.1f} hours"


def is_ending(certificate: x509.Certificate, now: datetime) -> bool:
    """Whether less than a sixth of its life is left."""
    return certificate.not_valid_after_utc - now < life_of(certificate) / 6


def refused(where: str, error: CertificateRejected, remedy: str) -> Finding:
    """Return the finding that a refused certificate is."""
    return Finding(_CODES.get(error.code, "certificate.refused"), where, error.text, remedy)


async def _handshake(hop: Hop) -> tuple[tuple[bytes, ...], str]:
    """Return what is presented; and the protocol, the cipher and the key exchange."""
    # Versions of TLS as every client of ours; what is presented is judged afterwards.
    context = client_context(b"", credential=hop.credential, profile=TlsProfile.INTERMEDIATE)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    exchange = KeyExchange(context)
    async with asyncio.timeout(WITHIN_S):
        _, writer = await asyncio.open_connection(
            hop.host, hop.port, ssl=context, server_hostname=hop.host
        )
    end: ssl.SSLObject = writer.get_extra_info("ssl_object")
    cipher = end.cipher()
    spoken = (end.version(), cipher[0] if cipher else "", exchange.group)
    found = shown_on(end), ", ".join(one for one in spoken if one)
    writer.close()
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(WITHIN_S):
            await writer.wait_closed()
    return found


def _judged(hop: Hop, presented: tuple[bytes, ...], protocol: str, now: datetime) -> list[Finding]:
    try:
        certificates = parsed(presented)
        hop.judged(certificates, hop.host)
    except CertificateRejected as error:
        if error.code == "unknown-issuer" and len(presented) == 1:
            # A leaf alone that some intermediate issued, which we do not have either.
            remedy = f"hermetic certificate import the leaf with its intermediates, {hop.at}"
            return [Finding("hop.incomplete", hop.where, error.text, remedy.strip(", "))]
        return [refused(hop.where, error, f"hermetic certificate import, {hop.at}".strip(", "))]
    except BadInput as error:
        return [Finding("certificate.wrong-name", hop.where, error.text)]
    leaf = certificates[0]
    chain = Chain(certificates[:1])
    left = time_left(leaf, now)
    findings = []
    if is_ending(leaf, now):
        text = f"{shown(leaf.subject)} is good for {left} more."
        remedy = "import the next certificate there: hermetic certificate import"
        findings.append(Finding("certificate.expires-soon", hop.where, text, remedy))
    if protocol.startswith("TLSv1.2"):
        text = "TLS 1.3 was offered, and 1.2 chosen."
        findings.append(Finding("hop.old-protocol", hop.where, text, "let the proxy speak TLS 1.3"))
    text = f"{protocol}, {shown(leaf.subject)} for {', '.join(chain.names[:3])}, {left} left."
    return [*findings, Finding("hop.sealed", hop.where, text)]


def silent(where: str) -> Finding:
    """Return the finding that a port without a handshake is."""
    text = f"It accepts connections and does not shake hands within {WITHIN_S:g} s."
    return Finding("port.silent", where, text, "restart the process that listens there")


def _no_handshake(hop: Hop, error: ssl.SSLError) -> Finding:
    if error.reason in {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"}:
        text = "It answers in plain HTTP, or in something else that is no TLS."
        remedy = "set Kestrel.HttpsEnabled to true there, or write http:// if that is meant"
        return Finding("port.plain-http", hop.where, text, remedy)
    if "CERTIFICATE" in (error.reason or "") or "UNKNOWN_CA" in (error.reason or ""):
        text = f"It does not accept our certificate: {error.reason}."
        return Finding("hop.refuses-us", hop.where, text, "hermetic certificate trust, over there")
    text = f"The handshake failed: {error.reason or error}."
    return Finding("port.no-handshake", hop.where, text, _LOG)
