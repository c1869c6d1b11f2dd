"""What the node's own port presents, compared with what is kept.

A renewal that succeeded and is not served is found by nobody who looks at files; so the node
shakes hands with itself.  It judges nothing but sameness: whether the certificate is any good
was asked before it was served.
"""

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from hermetic.certificates.chain import Chain
from hermetic.errors import HermeticError, Unavailable, Unreachable
from hermetic.log import logger
from hermetic.tls.alerts import AlertingContext

PERIOD_S = 15.0
_HANDSHAKE_S = 5.0
# A change is on the disk some milliseconds before it is on the wire.
_TIMES = 2

log = logger(__name__)


class PresentedCheck:
    """Shakes hands with the node's own port now and then, and says when it shows another leaf.

    Args:
        address: Where the port is reached from this machine, and the port.
        name: A name the certificate is for.
        kept: Reads the chain that should be presented; blocks for the disk.
    """

    def __init__(
        self,
        address: tuple[str, int],
        name: Callable[[], str],
        kept: Callable[[], Chain],
        *,
        period_s: float = PERIOD_S,
    ) -> None:
        self._address, self._name, self._kept = address, name, kept
        self._period_s = period_s
        self._differing = 0
        self.shown = ""
        """The SHA-256 fingerprint of the leaf that was presented last, in hexadecimal."""

    async def run(self) -> None:
        """Look again and again until cancelled."""
        while True:
            await asyncio.sleep(self._period_s)
            await self.look()

    async def look(self) -> bool:
        """Look once; return whether what is kept is what is presented."""
        try:
            kept = await asyncio.to_thread(self._kept)
            self.shown = await shown_at(*self._address, self._name())
        except HermeticError as error:
            log.warning("certificate.presented_unknown", reason=error.text)
            return False
        if self.shown == kept.sha256:
            self._differing = 0
            return True
        self._differing += 1
        if self._differing >= _TIMES:
            log.error(
                "certificate.not_presented",
                presented=self.shown,
                kept=kept.sha256,
                names=kept.names[:10],
                not_after=kept.not_after.isoformat(),
            )
        return False

    async def probe(self) -> None:
        """Raise `Unavailable` while the port has shown another certificate than is kept, twice."""
        if self._differing >= _TIMES:
            raise Unavailable(
                "The port presents another certificate than the one that is kept: restart the node."
            )


async def shown_at(host: str, port: int, name: str) -> str:
    """Return the SHA-256 fingerprint of what the server at *host* shows to who asks for *name*.

    Raises:
        Unreachable: No handshake came about.
    """
    context = AlertingContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # Nothing is sent; what is shown is compared.
    try:
        async with asyncio.timeout(_HANDSHAKE_S):
            _, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname=name)
    except (OSError, TimeoutError) as error:
        raise Unreachable(f"No handshake with {host}, port {port}: {error}.") from error
    sealed: ssl.SSLObject = writer.get_extra_info("ssl_object")
    der = sealed.getpeercert(binary_form=True)
    writer.close()
    # A server that wants our certificate says so only now, and breaks off.
    with suppress(OSError):
        await writer.wait_closed()
    leaf = x509.load_der_x509_certificate(der or b"")
    return leaf.fingerprint(hashes.SHA256()).hex()
