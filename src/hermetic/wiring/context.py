"""The context of a listener that presents what was wished for."""

from hermetic.certificates.credential import Credential
from hermetic.clock import Clock
from hermetic.tls.reload import SwappingContext
from hermetic.wiring.wish import Wish


def context_of(
    wish: Wish, credential: Credential, clock: Clock, *, beside: SwappingContext | None = None
) -> SwappingContext:
    """Return a context that serves *credential* to whom the *wish* lets in.

    Raises:
        CertificateRejected: It cannot be served.
    """
    trust = wish.trust
    # What is made here says what was asked for; and one of our own may come first.
    own = wish.choice is None and wish.folder is None
    context = SwappingContext(
        credential,
        clock=clock,
        names=() if own else wish.names,
        role=wish.role,
        profile=wish.profile,
        beside=beside,
        client_roots=None if trust is None else trust.authorities_pem,
    )
    if trust is not None:
        trust.admit_through(context)
    return context
