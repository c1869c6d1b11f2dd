"""TLS contexts: made new, filled once, never changed afterwards.

An `ssl.SSLContext` that serves must not be touched: `load_cert_chain` with a pair that does not
fit raises *and* leaves the context unable to shake hands, and `load_verify_locations` only adds.
Whoever wants another certificate or other trust makes another context, and hands it over as
`reload` does.  Keys go from memory into the context; nothing here writes one to a disk.
"""

import ssl
from enum import StrEnum

from cryptography.hazmat.primitives.serialization import Encoding

from hermetic.certificates.credential import Credential
from hermetic.errors import CertificateRejected
from hermetic.tls import groups
from hermetic.tls.alerts import AlertingContext
from hermetic.tls.anchors import trust
from hermetic.tls.judging import Judge, JudgingContext
from hermetic.tls.memory import as_path

# Mozilla 5.7 and 6.0, intermediate, without the finite-field DHE that 6.0 dropped: nobody we
# could name needs it, and it costs a parameter file and a CPU-second a few clients.
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
_PROTOCOL = "http/1.1"
_PRIORITIZE_CHACHA = 1 << 21  # SSL_OP_PRIORITIZE_CHACHA of OpenSSL 1.1.1 and newer
# A handshake takes two, three if the client guessed a group that the server does not have.
_ROUNDS = 5


class TlsProfile(StrEnum):
    """Mozilla's server-side profiles (ssl-config.mozilla.org, versions 5.7 and 6.0)."""

    INTERMEDIATE = "intermediate"
    """TLS 1.3, and 1.2 for clients that have nothing better."""
    MODERN = "modern"
    """TLS 1.3 only."""

    @property
    def floor(self) -> ssl.TLSVersion:
        """The lowest version of TLS it allows."""
        if self is TlsProfile.MODERN:
            return ssl.TLSVersion.TLSv1_3
        return ssl.TLSVersion.TLSv1_2


def empty_server_context(
    profile: TlsProfile = TlsProfile.INTERMEDIATE, *, client_roots: bytes | None = None
) -> AlertingContext:
    """Return a server's context without a certificate, which is to be named in `sni_callback`.

    Versions, ciphers, groups and whether a client must show a certificate are taken from the
    context that a handshake began with, so `reload` needs one that says the same as the others.

    Args:
        profile: Which versions of TLS to speak.
        client_roots: The roots, in PEM, of clients that may come in, and intermediates that they
            may leave out; None lets everybody in, nothing (`b""`) nobody.
            With them there is no TLS 1.2 and no session ticket: a ticket would let a client in
            after its root was removed (as in CVE-2025-23419).

    Raises:
        CertificateRejected: The roots are not certificates (`malformed`).
    """
    groups.limit_new_contexts()
    context = AlertingContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = profile.floor
    context.set_ciphers(_CIPHERS)
    context.set_alpn_protocols([_PROTOCOL])
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    # Our order counts, but for ChaCha20 where a client puts that first: it knows whether it has
    # AES in hardware.  Mozilla leaves all of the order to clients, and testssl.sh calls that HIGH.
    context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE | _PRIORITIZE_CHACHA
    if client_roots is not None:
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.num_tickets = 0
        context.verify_mode = ssl.CERT_REQUIRED
        trust(context, client_roots)
    return context


def server_context(
    credential: Credential,
    *,
    profile: TlsProfile = TlsProfile.INTERMEDIATE,
    client_roots: bytes | None = None,
) -> ssl.SSLContext:
    """Return a new context that serves *credential*; arguments as `empty_server_context`.

    Raises `CertificateRejected` if OpenSSL does not take the pair (`key-mismatch`,
    `refused-by-openssl`) or the roots.
    """
    context = empty_server_context(profile, client_roots=client_roots)
    _present(context, credential)
    return context


def client_context(
    roots: bytes | None,
    *,
    credential: Credential | None = None,
    profile: TlsProfile = TlsProfile.MODERN,
    judge: Judge | None = None,
    name: str | None = None,
) -> ssl.SSLContext:
    """Return a new context for a client; it checks the server's chain and name.

    Args:
        roots: The roots to trust, in PEM, and no others, and intermediates that a server may
            leave out; None trusts those of the system, nothing (`b""`) nobody.
        credential: What to show to a server that asks who we are.
        profile: Which versions of TLS to speak; all our own servers know 1.3.
        judge: Asked after OpenSSL, within the handshake: revocation, purpose, who is meant.
        name: What the server must be called, a DNS name or an address, where it is not what is
            connected to: for one target, behind a front of another name.

    Raises:
        CertificateRejected: As `server_context`.
    """
    groups.limit_new_contexts()
    context = JudgingContext(ssl.PROTOCOL_TLS_CLIENT)
    context.judge, context.name = judge, name
    context.minimum_version = profile.floor
    context.set_ciphers(_CIPHERS)
    context.set_alpn_protocols([_PROTOCOL])
    if roots is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    else:
        trust(context, roots)
    if credential is not None:
        _present(context, credential)
    return context


def prove(context: ssl.SSLContext, credential: Credential) -> None:
    """Shake hands with *context* in memory, and refuse it if it does not present *credential*.

    It shows that OpenSSL can sign with the key, and that a client finds a cipher, a group and a
    signature algorithm it knows; about a millisecond.  Trust and time are not asked here.

    Raises:
        CertificateRejected: `handshake-failed`, with OpenSSL's reason in the text.
    """
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    theirs = client.wrap_bio(to_client, to_server)
    ours = context.wrap_bio(to_server, to_client, server_side=True)
    try:
        # A server that asks for a certificate fails later, when it has presented its own.
        for _ in range(_ROUNDS):
            if _is_through(theirs):
                break
            _is_through(ours)
    except ssl.SSLError as error:
        raise CertificateRejected(
            "handshake-failed",
            f"No handshake succeeds with the certificate of {credential.chain.subject!r}"
            f" ({error.reason}): it keeps being refused until another pair is offered.",
        ) from error
    presented = theirs.getpeercert(binary_form=True)
    if presented != credential.chain.leaf.public_bytes(Encoding.DER):
        raise CertificateRejected("handshake-failed", "Another certificate was presented.")


def _is_through(end: ssl.SSLObject) -> bool:
    """Go on with the handshake of one end; return whether it has come to its end."""
    try:
        end.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True


def _present(context: ssl.SSLContext, credential: Credential) -> None:
    with as_path(credential.chain_pem + credential.key_pem) as path:
        try:
            context.load_cert_chain(path)
        except ssl.SSLError as error:
            mismatch = error.reason == "KEY_VALUES_MISMATCH"
            raise CertificateRejected(
                "key-mismatch" if mismatch else "refused-by-openssl",
                f"The key does not fit the certificate of {credential.chain.subject!r}."
                if mismatch
                else f"OpenSSL does not take the certificate of {credential.chain.subject!r}"
                f" or its key ({error.reason}).",
            ) from error
