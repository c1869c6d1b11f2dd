"""The roots of an authority nobody here trusts yet, known by a digest that came another way."""

import ssl
from urllib.parse import urlsplit

import httpx2
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from hermetic.errors import BadInput, TrustFailure, Unreachable

_WITHIN_S = 15.0
_LONGEST = 64 * 1024


def pinned_root(url: str, sha256: str) -> x509.Certificate:
    """Return the root with that digest, which the web node at *url* gives to everybody.

    The connection proves nothing: whoever is at its other end cannot make another root with that
    digest, and nothing is sent that is worth anything.

    Raises:
        BadInput: The address is no https:// one.
        Unreachable: Nobody answers there, or no web node.
        TrustFailure: It has another root: somebody stands in between, or the token is another's.
    """
    if urlsplit(url).scheme != "https":
        raise BadInput(f"{url[:200]!r} is no https:// address of a web node.")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            httpx2.Client(verify=context, timeout=_WITHIN_S, trust_env=False) as http,
            http.stream("GET", f"{url}/acme/roots") as answer,
        ):
            body = bytearray()
            for piece in answer.iter_raw():
                body += piece
                if len(body) > _LONGEST:
                    raise Unreachable(f"{url} answers with more than roots: is it a web node?")
            if not answer.is_success:
                raise Unreachable(
                    f"{url} has no authority to join: it answers {answer.status_code}."
                )
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
        raise Unreachable(f"{url} cannot be asked: {error or type(error).__name__}.") from error
    try:
        found = x509.load_pem_x509_certificates(bytes(body))
    except ValueError as error:
        raise Unreachable(f"{url} answers with what is no root: is it a web node?") from error
    for one in found:
        if one.fingerprint(hashes.SHA256()).hex() == sha256.lower():
            return one
    raise TrustFailure(
        f"{url} has another authority than the one that gave the token: use the address of that"
        " web node, or find out who stands in between."
    )
