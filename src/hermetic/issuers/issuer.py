"""The contract of whoever turns a request into a chain.

`tests/contracts/test_issuer.py` holds every maker to what is written here.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from cryptography import x509

from hermetic.certificates.chain import Chain
from hermetic.certificates.renewal import Window
from hermetic.certificates.roles import Role


@dataclass(frozen=True)
class Suggestion:
    """When to renew, and from when on to ask again whether that has changed (RFC 9773)."""

    window: Window
    ask_again_at: datetime


class Issuer(Protocol):
    """Issues certificates; never sees a private key."""

    async def issue(
        self,
        request: x509.CertificateSigningRequest,
        role: Role,
        *,
        replacing: Chain | None = None,
    ) -> Chain:
        """Return a new chain for *request*: leaf first, every intermediate, no root.

        The leaf MUST hold the key of the request, all of its names and nothing else, MUST fit *role*, MUST be
        valid now and MUST NOT outlive its issuers.  It MAY live shorter than the last one.  The
        caller sets the deadline: being cancelled MUST leave nothing that a further call stumbles
        over.

        Args:
            replacing: What the new one takes the place of; an issuer MAY do without knowing it.

        Raises:
            CertificateRejected: The request is not signed by its own key; the key, a name or the role will not be certified.
            TooManyAttempts: The issuer asks for patience; it MUST NOT be asked before.
            Unreachable: It does not answer.
        """
        ...

    @property
    def doing(self) -> str:
        """What it does or waits for at this moment, in words for a person; "" for nothing."""
        ...

    def issued(self, chain: Chain) -> bool:
        """Tell whether *chain* leads to what this issuer is trusted by now.

        False means that clients which trust this issuer would refuse the chain: it was issued
        by another, or before the root was replaced.  MUST NOT wait for anything but a disk, or
        ask anybody.
        """
        ...

    async def suggested(self, chain: Chain) -> Suggestion | None:
        """Return when the issuer suggests to renew *chain*; `None` if it does not suggest.

        Raises as `issue` does; a failure is no reason to renew later than without a suggestion.
        """
        ...
