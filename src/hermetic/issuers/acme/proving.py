"""The contract of whoever makes a proof findable for an ACME server that validates.

`tests/contracts/test_prover.py` holds every maker to what is written here.
"""

from typing import Protocol

from hermetic.issuers.acme.order import Proof


class Prover(Protocol):
    """Meets one kind of challenge."""

    @property
    def kind(self) -> str:
        """The type of the challenge: `http-01`, `dns-01`, `tls-alpn-01`."""
        ...

    async def present(self, proof: Proof) -> None:
        """Make *proof* findable; several may be at the same time, for one name too.

        It is findable when this returns.  However it ends, `withdraw` MAY follow.

        Raises:
            BadConfiguration: It cannot be done here: a port is taken, a folder is missing.
            Unavailable: It could not be done in time.
        """
        ...

    async def sweep(self) -> None:
        """Take away what a former process had made findable and could not withdraw."""
        ...

    async def withdraw(self, proof: Proof) -> None:
        """Take *proof* away, and nothing else; it MUST do no harm to do so twice."""
        ...
