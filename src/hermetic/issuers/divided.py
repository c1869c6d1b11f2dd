"""Two issuers that divide the names between them."""

from collections.abc import Callable

from cryptography import x509

from hermetic.certificates.chain import Chain
from hermetic.certificates.roles import Role
from hermetic.certificates.signing import requested_names
from hermetic.issuers.issuer import Issuer, Suggestion


class Divided:
    """An `Issuer` that is one for some names, and another for all else."""

    def __init__(self, some: Issuer, others: Issuer, is_of_some: Callable[[str], bool]) -> None:
        """Ask *some* for what has only names of which *is_of_some* is true, else *others*."""
        self._some, self._others, self._is_of_some = some, others, is_of_some

    async def issue(
        self,
        request: x509.CertificateSigningRequest,
        role: Role,
        *,
        replacing: Chain | None = None,
    ) -> Chain:
        """Return what the issuer of the names of *request* made; raises as that one does."""
        issuer = self._of(requested_names(request))
        return await issuer.issue(request, role, replacing=replacing)

    @property
    def doing(self) -> str:
        """What the one does that does something."""
        return self._some.doing or self._others.doing

    def issued(self, chain: Chain) -> bool:
        """Tell whether the issuer of the names of *chain* issued it."""
        return self._of(chain.names).issued(chain)

    async def suggested(self, chain: Chain) -> Suggestion | None:
        """Return what the issuer of the names of *chain* suggests."""
        return await self._of(chain.names).suggested(chain)

    def _of(self, names: tuple[str, ...]) -> Issuer:
        return self._some if all(map(self._is_of_some, names)) else self._others
