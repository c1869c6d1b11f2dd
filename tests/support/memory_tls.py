"""Handshakes in memory: a server's context and a client's, joined back to back."""

import ssl
from dataclasses import dataclass


@dataclass(frozen=True)
class Shaken:
    """Both ends after a handshake, and what went wrong at each, in OpenSSL's words."""

    client: ssl.SSLObject
    server: ssl.SSLObject
    client_error: str | None
    server_error: str | None

    @property
    def succeeded(self) -> bool:
        return self.client_error is None and self.server_error is None

    @property
    def presented(self) -> bytes | None:
        """The leaf the client was shown, in DER."""
        return self.client.getpeercert(binary_form=True)


def shake(
    server: ssl.SSLContext,
    client: ssl.SSLContext,
    name: str | None = "localhost",
    *,
    session: ssl.SSLSession | None = None,
) -> Shaken:
    """Shake hands to the end, and let each side say a byte after it: tickets come then."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    theirs = client.wrap_bio(to_client, to_server, server_hostname=name, session=session)
    ours = server.wrap_bio(to_server, to_client, server_side=True)
    errors: list[str | None] = [None, None]
    for _ in range(5):
        for index, end in enumerate((theirs, ours)):
            if errors[index] is None:
                errors[index] = _step(end)
    return Shaken(theirs, ours, *errors)


def _step(end: ssl.SSLObject) -> str | None:
    try:
        end.do_handshake()
        end.write(b".")
        end.read(1)
    except ssl.SSLWantReadError:
        return None
    except ssl.SSLError as error:
        return error.reason or str(error)
    return None


def trusting(
    roots: bytes | None, *, up_to: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
) -> ssl.SSLContext:
    """Return a client's context as a stranger would make it, not with our own code."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.maximum_version = up_to
    if roots is None:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    else:
        context.load_verify_locations(cadata=roots.decode())
    return context
