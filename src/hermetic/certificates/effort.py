"""How much work one verification may be: a bound for chains made to take for ever."""

from dataclasses import dataclass

from hermetic.errors import CertificateRejected


@dataclass
class Effort:
    """What one verification may still do; the step that goes over it is refused (`too-complex`).

    The figures are ten times what the largest public chains need, and keep the worst input
    below a quarter of a second.
    """

    signatures: int = 100
    comparisons: int = 100_000

    def check_signature(self) -> None:
        """Count one check of a signature, before it is made."""
        self.signatures -= 1
        if self.signatures < 0:
            raise CertificateRejected(
                "too-complex",
                "There are more ways to build a chain than will be tried: give only the"
                " certificates between the leaf and its root.",
            )

    def compare(self, times: int) -> None:
        """Count comparisons of names with name constraints, before they are made."""
        self.comparisons -= times
        if self.comparisons < 0:
            raise CertificateRejected(
                "too-complex",
                "The chain has more names and name constraints than will be compared.",
            )
