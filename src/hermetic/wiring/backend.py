"""How a web node speaks to compute nodes: whom it trusts, and what it shows them."""

import asyncio
import ssl
from collections.abc import Callable, Sequence

from hermetic.certificates.credential import Credential
from hermetic.certificates.roles import Role
from hermetic.clock import Clock
from hermetic.config.home import Home
from hermetic.config.sections import CertificateChoice
from hermetic.errors import BadConfiguration, CertificateRejected, HermeticError
from hermetic.gateway.certification import Certification
from hermetic.log import logger
from hermetic.tls.contexts import client_context
from hermetic.tls.trust import LiveTrust
from hermetic.tls.watch import changes
from hermetic.wiring.life import Task
from hermetic.wiring.shown import AUTHENTICATION, Shown, shown_by
from hermetic.wiring.trusting import live_trust

log = logger(__name__)


class BackEnd:
    """Gives the TLS context for connections to compute nodes, made anew when anything changes.

    A context that cannot be made is told by whoever brings what it is made of, and the last good
    one stays: to ask for it MUST NOT fail, for nobody waits there who could be told.
    """

    def __init__(
        self, trust: LiveTrust, shown: Shown | None = None, credential: Credential | None = None
    ) -> None:
        """Begin with *credential*, and go on with what *shown* says.

        Raises:
            CertificateRejected: OpenSSL does not take it.
        """
        self.trust, self.credential, self._shown = trust, credential, shown
        self.on_change: Callable[[], None] = lambda: None
        """Called after each change of the context."""
        self._context = self._made(credential)

    def list_in(self, certification: Certification) -> None:
        """Let *certification* list what is shown, too."""
        if self._shown is not None:
            certification.add(AUTHENTICATION, self._shown.kept)

    def context(self) -> ssl.SSLContext:
        """Return the context for the next connection."""
        return self._context

    def renew(self) -> None:
        """Make another context for the next connection, and let the old connections go."""
        self._context = self._made(self.credential)
        self.on_change()

    async def follow(self) -> None:
        """Show what is kept, whenever that changes, until cancelled."""
        shown = self._shown
        if shown is None:
            return
        seen = ""
        async for _ in changes(shown.folder):
            digest = await asyncio.to_thread(shown.digest)
            if digest != seen:
                seen = digest
                await self._take(shown)

    def _made(self, credential: Credential | None) -> ssl.SSLContext:
        return client_context(
            self.trust.authorities_pem, credential=credential, judge=self.trust.judge
        )

    async def _take(self, shown: Shown) -> None:
        try:
            found = await asyncio.to_thread(shown.read)
            if self.credential is not None and found.chain.sha256 == self.credential.chain.sha256:
                return
            self._made(found)
        except HermeticError as error:
            log.warning("certificate.refused", role=AUTHENTICATION, text=error.text)
            return
        self.credential = found
        log.info(
            "certificate.swapped",
            role=AUTHENTICATION,
            serial=f"{found.chain.serial:x}",
            not_after=found.chain.not_after.isoformat(),
        )
        self.renew()


async def back_end(
    home: Home, section: CertificateChoice, own_names: Sequence[str], clock: Clock
) -> tuple[BackEnd, list[Task]]:
    """Return how to speak to compute nodes, and what keeps that up.

    *own_names* are those for which our own authority certifies this web node, where the settings
    name no certificate and the home has that authority.

    Raises:
        BadConfiguration: The certificate that the settings name cannot be used.
    """
    made: list[BackEnd] = []
    trust, following = await live_trust(
        home, Role.COMPUTE, clock, on_change=lambda _: made[0].renew()
    )
    shown = await shown_by(home, section, own_names, clock)
    try:
        credential = None if shown is None else await asyncio.to_thread(shown.read)
        backend = BackEnd(trust, shown, credential)
    except CertificateRejected as error:
        raise BadConfiguration(
            "The certificate that BackEndConfiguration.ClientCertificate names cannot be shown to"
            f" compute nodes: {error.text}"
        ) from error
    made.append(backend)
    if shown is None:
        return backend, [following]
    return backend, [following, backend.follow, *shown.tasks]
