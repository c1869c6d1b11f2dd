"""Secrets of a settings file, each sealed for a certificate.

The envelope is the one that ML Server 9.x printed: base64 of a JSON object, whose `t` is the
SHA-1 thumbprint of the certificate and whose `s` is base64 of the secret, encrypted with its RSA
key.  How it was padded, and how a long secret was cut, was never said.

So what is opened here may be padded with OAEP of either hash or as PKCS #1 v1.5 has it, and be
cut into pieces as long as the key.  Sealed is with OAEP and SHA-1: of what the original's runtime
could open with the keys of a Windows store (`RSACryptoServiceProvider`) that is the strongest,
and OAEP asks of its hash nothing that SHA-1 has lost.

Pure.  Nothing of a secret stands in an error.
"""

import base64
import json
import re
import unicodedata
from collections.abc import Iterator

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from hermetic.certificates.keys import PrivateKey, kind_of
from hermetic.certificates.refusal import refusal
from hermetic.errors import BadInput, CertificateRejected

_THUMBPRINT = re.compile(r"[0-9A-F]{40}")
_OAEP_SHA1 = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)  # noqa: S303 - as above
_OAEP_SHA256 = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
_OVERHEAD = 2 * hashes.SHA1.digest_size + 2  # RFC 8017, 7.1.1: what OAEP takes of each piece
_MOST_PIECES = 64  # 13 kB with a key of 2048 bits; a connection string is a fiftieth of it
# OpenSSL answers a block that is not padded as v1.5 has it with random bytes instead of an error
# ("implicit rejection"), 0 to 245 of them.  One in 340 was text by chance, all very short; of
# eight characters and more it is one in a hundred thousand.
_SHORTEST_V1_5 = 8


def seal(secret: str, certificate: x509.Certificate) -> str:
    """Return an envelope of *secret* that only the private key of *certificate* opens.

    Raises:
        CertificateRejected: The certificate's key is no RSA key.
        BadInput: The secret is empty, too long, or holds control characters.
    """
    key = certificate.public_key()
    if not isinstance(key, RSAPublicKey):
        raise refusal(
            certificate, "unsupported-key", "has no RSA key, and secrets are sealed with one."
        )
    plain = secret.encode("utf-8", "surrogatepass")
    if _text(plain) is None:
        raise BadInput("A secret to seal is a text without control characters, and not empty.")
    room = key.key_size // 8 - _OVERHEAD
    pieces = [plain[at : at + room] for at in range(0, len(plain), room)]
    if len(pieces) > _MOST_PIECES:
        raise BadInput(f"A secret to seal has at most {_MOST_PIECES * room} bytes.")
    sealed = b"".join(key.encrypt(piece, _OAEP_SHA1) for piece in pieces)
    thumbprint = certificate.fingerprint(hashes.SHA1()).hex().upper()  # noqa: S303 - a name
    content = {"t": thumbprint, "s": base64.b64encode(sealed).decode()}
    return base64.b64encode(json.dumps(content, separators=(",", ":")).encode()).decode()


def thumbprint_of(envelope: str) -> str:
    """Return the SHA-1 thumbprint of the certificate that *envelope* was sealed for.

    In upper-case hexadecimal.  Raises `BadInput` if it is no envelope.
    """
    return _read(envelope)[0]


def unseal(envelope: str, key: PrivateKey) -> str:
    """Return the secret in *envelope*, opened with the *key* of the certificate it names.

    Raises:
        BadInput: It is no envelope, is damaged, or was sealed for another key.
        CertificateRejected: The key is no RSA key.
    """
    thumbprint, sealed = _read(envelope)
    if not isinstance(key, RSAPrivateKey):
        raise CertificateRejected(
            "unsupported-key",
            f"Secrets are sealed with RSA, and the key of the certificate {thumbprint} is"
            f" {kind_of(key)}.",
        )
    size = key.key_size // 8
    pieces = [sealed[at : at + size] for at in range(0, len(sealed), size)]
    secret = next(_openings(pieces, key), None) if len(pieces) <= _MOST_PIECES else None
    if secret is None:
        raise BadInput(
            "The secret is damaged, or was sealed for another key than that of the certificate"
            f" {thumbprint}: seal it anew."
        )
    return secret


def _openings(pieces: list[bytes], key: RSAPrivateKey) -> Iterator[str]:
    """Yield what the pieces are once opened, for each padding that makes a text of them."""
    for scheme in (_OAEP_SHA1, _OAEP_SHA256, padding.PKCS1v15()):
        try:
            plain = b"".join(key.decrypt(piece, scheme) for piece in pieces)
        except ValueError:
            continue
        text = _text(plain)
        least = _SHORTEST_V1_5 if isinstance(scheme, padding.PKCS1v15) else 1
        if text is not None and len(text) >= least:
            yield text


def _text(plain: bytes) -> str | None:
    """Return *plain* as a text that can be a secret, or `None`."""
    try:
        text = plain.decode()
    except UnicodeDecodeError:
        return None
    hidden = any(unicodedata.category(char) == "Cc" for char in text)
    return text if text and not hidden else None


def _read(envelope: str) -> tuple[str, bytes]:
    """Return the thumbprint and what was encrypted."""
    try:
        content = json.loads(_decoded(envelope))
        thumbprint, sealed = content["t"].upper(), _decoded(content["s"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        thumbprint, sealed = "", b""
    if not _THUMBPRINT.fullmatch(thumbprint) or not sealed:
        raise BadInput(
            "This is no sealed secret, which is base64 of a thumbprint and what was encrypted:"
            " paste all of it, or seal the secret anew."
        )
    return thumbprint, sealed


def _decoded(text: str) -> bytes:
    # Long lines are broken where they are pasted.
    return base64.b64decode("".join(text.split()), validate=True)
