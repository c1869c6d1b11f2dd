"""The contract of whoever turns a public key and names into a chain.

`tests/contracts/test_issuer.py` holds every maker to what is written here.
"""

from collections.abc import Sequence
from typing import Protocol

from hermetic.certificates.chain import Chain
from hermetic.certificates.keys import PublicKey
from hermetic.certificates.roles import Role


class Issuer(Protocol):
    """Issues certificates; never sees a private key."""

    async def issue(self, public_key: PublicKey, names: Sequence[str], role: Role) -> Chain:
        """Return a new chain for *public_key*: leaf first, every intermediate, no root.

        The leaf MUST hold that key, all of *names* and nothing else, MUST fit *role*, MUST be
        valid now and MUST NOT outlive its issuers.  It MAY live shorter than the last one.  The
        caller sets the deadline: being cancelled MUST leave nothing that a further call stumbles
        over.

        Raises:
            CertificateRejected: The key, a name or the role will not be certified.
            TooManyAttempts: The issuer asks for patience; it MUST NOT be asked before.
            Unreachable: It does not answer.
        """
        ...

    def issued(self, chain: Chain) -> bool:
        """Tell whether *chain* leads to what this issuer is trusted by now.

        False means that clients which trust this issuer would refuse the chain: it was issued
        by another, or before the root was replaced.  MUST NOT wait or ask anybody.
        """
        ...
