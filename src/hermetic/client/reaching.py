"""Where a node is reached, and whom to believe there."""

import ssl
from pathlib import Path

import httpx2

from hermetic.errors import BadConfiguration, BadInput


def address_of(url: str, *, plain_http: bool) -> str:
    """Return *url* as the address of a node; raises `BadInput` if it is none, or not sealed."""
    try:
        parsed = httpx2.URL(url)
    except httpx2.InvalidURL as error:
        raise BadInput(f"{url!r} is no address: {error}.") from None
    if parsed.scheme not in {"https", "http"} or not parsed.host:
        raise BadInput(f"{url!r} is no address of a node: write https://localhost:12800.")
    if parsed.userinfo:
        raise BadInput("An address holds no user and password: remove what stands before @.")
    if parsed.scheme == "http" and not plain_http:
        raise BadInput(
            f"{url} is plain HTTP, where anyone may listen: use https://, or say --plain-http."
        )
    return str(parsed).rstrip("/")


def trusting(ca: Path | None) -> ssl.SSLContext:
    """Return what trusts the authorities in the file *ca*, else the system's.

    Raises:
        BadConfiguration: The file cannot be read, or holds no certificate.
    """
    try:
        return ssl.create_default_context(cafile=str(ca) if ca else None)
    except ssl.SSLError as error:
        raise BadConfiguration(
            f"The CA file {ca} holds no certificate in PEM: name the one `hermetic up` printed."
        ) from error
    except OSError as error:
        raise BadConfiguration(
            f"The CA file {ca} cannot be read: {error.strerror}. `hermetic up` prints its place."
        ) from error
