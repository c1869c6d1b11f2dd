"""Reading: what stands in a file somebody hands over, in whichever format it is.

PEM in any order, DER, PKCS#7 and PKCS#12; certificates, keys, requests and revocation lists.
Whatever cannot be used is refused with one coded
`CertificateRejected` that says how to mend it.  Input is hostile until read: sizes and costs are
bounded before anything is parsed, and no sentence holds anything of a key or a passphrase.
"""

from dataclasses import dataclass, field
from typing import Protocol

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    load_der_private_key,
    load_pem_private_key,
    pkcs7,
    pkcs12,
)

from hermetic.certificates import der, pem
from hermetic.certificates.der import Shape
from hermetic.certificates.extensions import extensions
from hermetic.certificates.keys import PrivateKey, accept, encode_public
from hermetic.errors import CertificateRejected

# cert-manager's bounds, measured against every public CA: what is larger is an attack or a mistake.
_LARGEST_FILE = 330_000
_LARGEST_CERTIFICATE = 36_500
# A list has 37 bytes for each certificate that was taken back; this one of 10 MB has 280 000.
_LARGEST_LIST = 10_000_000
_MOST_PIECES = 500  # the bundle of all public roots has 150

_PADDING = b"\0 \t\r\n"

_PLAIN_KEY = "'openssl pkey -in KEY.pem -out KEY-plain.pem'"
_PLAIN_PKCS12 = "'openssl pkcs12 -in FILE.pfx -nodes -out FILE.pem' (with -legacy if it is old)"
_FORMATS = "PEM, DER, PKCS#7 (.p7b) or PKCS#12 (.pfx, .p12)"

_CERTIFICATES = {"CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"}
_KEYS = {"PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY"}
_REQUESTS = {"CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"}
_LIST = "X509 CRL"
_KEYSTORES = (b"\xfe\xed\xfe\xed", b"\xce\xce\xce\xce")  # Java's own, JKS and JCEKS

# What the parsers of `cryptography` raise for input they do not take.
_REFUSALS = (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion)


class _KeyLoader(Protocol):
    def __call__(
        self, data: bytes, password: bytes | None, *, unsafe_skip_rsa_key_validation: bool
    ) -> object: ...


@dataclass(frozen=True)
class Contents:
    """What was found, in its order, without repeats."""

    certificates: tuple[x509.Certificate, ...] = ()
    keys: tuple[PrivateKey, ...] = field(default=(), repr=False)
    requests: tuple[x509.CertificateSigningRequest, ...] = ()
    revocation_lists: tuple[x509.CertificateRevocationList, ...] = ()


def read(data: bytes, *, passphrase: bytes | None = None) -> Contents:
    """Return the certificates, keys, requests and lists in *data*; at least one thing is there.

    A passphrase opens whatever is encrypted; what is not is read without it.

    Raises:
        CertificateRejected: `empty`, `too-large`, `too-costly`, `truncated`, `malformed`,
            `not-a-certificate`, `encrypted-key`, `wrong-passphrase`, `unsupported-encryption`,
            `unsupported-encoding`, `weak-key`, `unsupported-key`.
    """
    _check_size(data)
    data = pem.decoded(data)
    if not data.strip(_PADDING):
        raise CertificateRejected(
            "empty", "There is nothing in it: the file was emptied, or never written."
        )
    reader = _Reader(passphrase or None)
    if der.is_der(data) and pem.MARK not in data[:64]:
        reader.read_der(data)
    elif pem.MARK in data:
        reader.read_pem(data)
    else:
        raise _unknown(data)
    return reader.contents()


def _check_size(data: bytes) -> None:
    """Refuse a file that is larger than any of its kind; a revocation list may be long."""
    if len(data) > _LARGEST_LIST or (len(data) > _LARGEST_FILE and not _holds_list(data)):
        raise CertificateRejected(
            "too-large",
            f"{len(data)} bytes are too many: a file of certificates has at most {_LARGEST_FILE},"
            f" one with a revocation list {_LARGEST_LIST}.",
        )


def _holds_list(data: bytes) -> bool:
    if pem.MARK + _LIST.encode() in data:
        return True
    return der.is_der(data) and der.shape_of(data) is Shape.REVOCATION_LIST


class _Reader:
    """Takes in pieces one after the other, and keeps what they hold."""

    def __init__(self, passphrase: bytes | None) -> None:
        self._passphrase = passphrase
        self._certificates: dict[x509.Certificate, None] = {}
        self._keys: dict[bytes, PrivateKey] = {}
        self._requests: dict[bytes, x509.CertificateSigningRequest] = {}
        self._lists: dict[bytes, x509.CertificateRevocationList] = {}
        self._others: list[str] = []
        self._pieces = 0

    def contents(self) -> Contents:
        """Return what was found, or raise `CertificateRejected` if that is nothing."""
        if not (self._certificates or self._keys or self._requests or self._lists):
            others = ", ".join(dict.fromkeys(self._others)) or "nothing"
            raise CertificateRejected(
                "not-a-certificate",
                f"It holds neither a certificate nor a private key, but {others[:200]}.",
            )
        return Contents(
            tuple(self._certificates),
            tuple(self._keys.values()),
            tuple(self._requests.values()),
            tuple(self._lists.values()),
        )

    def read_pem(self, data: bytes) -> None:
        for block in pem.blocks(data):
            self._count()
            if block.label in _CERTIFICATES:
                # OpenSSL's trusted certificates carry its settings behind them
                self._add_certificate(der.first(block.data).whole)
            elif block.label in _KEYS:
                self._add_key_block(block)
            elif block.label in _REQUESTS:
                self._add_request(block.data)
            elif block.label == _LIST:
                self._add_list(block.data)
            elif block.label in {"PKCS7", "CMS"}:
                self._add_pkcs7(block.data)
            elif block.label == "PKCS12":
                self._add_pkcs12(block.data)
            elif block.label.endswith("PRIVATE KEY"):
                raise _unsupported_block(block.label)
            else:
                self._others.append(block.label.lower())

    def read_der(self, data: bytes) -> None:
        """Read one piece of DER, or several one after the other."""
        at = 0
        while data[at:].strip(_PADDING):
            piece = der.first(data, at).whole
            at += len(piece)
            self._count()
            shape = der.shape_of(piece)
            match shape:
                case Shape.CERTIFICATE:
                    self._add_certificate(piece)
                case Shape.REQUEST:
                    self._add_request(piece)
                case Shape.REVOCATION_LIST:
                    self._add_list(piece)
                case Shape.KEY:
                    self._add_key(piece)
                case Shape.ENCRYPTED_KEY:
                    self._add_encrypted_key(piece)
                case Shape.PKCS7:
                    self._add_pkcs7(piece)
                case Shape.PKCS12:
                    self._add_pkcs12(piece)
                case Shape.PUBLIC_KEY | Shape.OTHER:
                    self._others.append(shape.value)

    def _count(self) -> None:
        self._pieces += 1
        if self._pieces > _MOST_PIECES:
            raise CertificateRejected(
                "too-large", f"It holds more than {_MOST_PIECES} certificates, keys and the like."
            )

    def _add_certificate(self, data: bytes) -> None:
        if len(data) > _LARGEST_CERTIFICATE:
            raise CertificateRejected(
                "too-large",
                f"A certificate of {len(data)} bytes is too large: at most {_LARGEST_CERTIFICATE}.",
            )
        try:
            self._keep_certificate(x509.load_der_x509_certificate(data))
        except _REFUSALS as error:
            raise CertificateRejected(
                "malformed", f"A certificate cannot be read: {error}."
            ) from error

    def _keep_certificate(self, certificate: x509.Certificate) -> None:
        # These are parsed when first asked for: ask now, so that nobody is surprised later.
        _ = certificate.subject, certificate.issuer
        _ = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        extensions(certificate)
        self._certificates[certificate] = None

    def _add_request(self, data: bytes) -> None:
        try:
            self._requests[data] = x509.load_der_x509_csr(data)
        except _REFUSALS as error:
            raise CertificateRejected(
                "malformed", f"A certificate request cannot be read: {error}."
            ) from error

    def _add_list(self, data: bytes) -> None:
        try:
            found = x509.load_der_x509_crl(data)
            _ = found.issuer, found.last_update_utc, found.next_update_utc
        except _REFUSALS as error:
            raise CertificateRejected(
                "malformed", f"A revocation list cannot be read: {error}."
            ) from error
        extensions(found)
        self._lists[data] = found

    def _add_key_block(self, block: pem.Block) -> None:
        if block.label == "ENCRYPTED PRIVATE KEY":
            self._add_encrypted_key(block.data)
        elif block.is_encrypted:
            # its key is derived by one round of MD5: there is no cost to check
            der.check_key_size(block.data)
            self._open_key(block.text, load_pem_private_key)
        else:
            self._add_key(block.data)

    def _add_key(self, data: bytes) -> None:
        der.check_key_size(data)
        der.first(data)  # tells what is cut off from what is broken
        try:
            key = load_der_private_key(data, None, unsafe_skip_rsa_key_validation=True)
        except _REFUSALS as error:
            raise _damaged_key() from error
        self._keep_key(key)

    def _add_encrypted_key(self, data: bytes) -> None:
        der.check_key_size(data)
        der.first(data)
        self._required_passphrase()
        der.check_cost(data)
        self._open_key(data, load_der_private_key)

    def _open_key(self, data: bytes, load: _KeyLoader) -> None:
        try:
            key = load(data, self._required_passphrase(), unsafe_skip_rsa_key_validation=True)
        except _REFUSALS as error:
            raise _not_opened(error) from error
        self._keep_key(key)

    def _required_passphrase(self) -> bytes:
        if self._passphrase is None:
            raise CertificateRejected(
                "encrypted-key",
                "The private key is encrypted: give its passphrase, or write it unencrypted with"
                f" {_PLAIN_KEY}.",
            )
        return self._passphrase

    def _keep_key(self, key: object) -> None:
        accepted = accept(key)
        if isinstance(accepted, RSAPrivateKey):
            # proven only now that its size is known to be sane
            try:
                accepted.private_numbers().private_key()
            except ValueError as error:
                raise _damaged_key() from error
        self._keys[encode_public(accepted.public_key())] = accepted

    def _add_pkcs7(self, data: bytes) -> None:
        try:
            for certificate in pkcs7.load_der_pkcs7_certificates(data):
                self._keep_certificate(certificate)
        except _REFUSALS as error:
            raise CertificateRejected(
                "no-certificate",
                "The PKCS#7 file holds no certificate that can be read: export it again with the"
                " certificates included.",
            ) from error

    def _add_pkcs12(self, data: bytes) -> None:
        der.first(data)
        der.check_cost(data)
        try:
            found = pkcs12.load_pkcs12(data, self._passphrase)
        except _REFUSALS as error:
            raise self._unopened_pkcs12(error) from error
        if found.key is not None:
            self._keep_key(found.key)
        own = [found.cert] if found.cert is not None else []
        for one in (*own, *found.additional_certs):
            self._keep_certificate(one.certificate)

    def _unopened_pkcs12(self, error: Exception) -> CertificateRejected:
        if "password" not in str(error):
            return CertificateRejected(
                "unsupported-encryption",
                "The PKCS#12 file is damaged, or encrypted in a way no longer supported: write it"
                f" unencrypted with {_PLAIN_PKCS12}.",
            )
        if self._passphrase is None:
            return CertificateRejected(
                "encrypted-key",
                "The PKCS#12 file is encrypted: give its passphrase, or write it unencrypted with"
                f" {_PLAIN_PKCS12}.",
            )
        return CertificateRejected(
            "wrong-passphrase", "The passphrase does not open the PKCS#12 file, or it is damaged."
        )


def _damaged_key() -> CertificateRejected:
    # the parser's own words are not passed on: they could tell of the key
    return CertificateRejected(
        "malformed", "A private key cannot be read: it is damaged, or of a kind unknown."
    )


def _not_opened(error: Exception) -> CertificateRejected:
    # `cryptography` has no class of its own for it, only the words "unknown … algorithm"
    if isinstance(error, UnsupportedAlgorithm) or "unknown" in str(error).lower():
        return CertificateRejected(
            "unsupported-encryption",
            "The private key is encrypted in a way no longer supported: write it unencrypted with"
            f" {_PLAIN_KEY}.",
        )
    return CertificateRejected(
        "wrong-passphrase", "The passphrase does not open the private key, or it is damaged."
    )


def _unsupported_block(label: str) -> CertificateRejected:
    remedy = (
        "convert it with 'ssh-keygen -p -m PKCS8 -f KEY'"
        if label.startswith("OPENSSH")
        else "use RSA of at least 2048 bits, EC P-256, EC P-384 or Ed25519"
    )
    return CertificateRejected(
        "unsupported-key", f"A key under '-----BEGIN {label}-----' is not supported: {remedy}."
    )


def _unknown(data: bytes) -> CertificateRejected:
    remedy = f"give it as {_FORMATS}"
    if data.startswith(_KEYSTORES):
        remedy = (
            "it is a Java keystore: convert it with 'keytool -importkeystore -srckeystore FILE"
            " -destkeystore FILE.p12 -deststoretype pkcs12'"
        )
    elif data.lstrip().startswith((b"MI", b"TU")):
        remedy = "it looks like base64: decode it with 'base64 -d FILE'"
    return CertificateRejected(
        "not-a-certificate", f"This is neither a certificate nor a private key: {remedy}."
    )
