"""Several issuers in order: whoever is first to issue is the one."""

from collections.abc import Sequence

from cryptography import x509

from hermetic.certificates.chain import Chain
from hermetic.certificates.roles import Role
from hermetic.errors import BadConfiguration, HermeticError
from hermetic.issuers.issuer import Issuer, Suggestion
from hermetic.log import logger

log = logger(__name__)


class Several:
    """An `Issuer` that asks one after the other, so that one that is down keeps nobody waiting."""

    def __init__(self, issuers: Sequence[Issuer]) -> None:
        if not issuers:
            raise BadConfiguration("There is no issuer to ask.")
        self._issuers = tuple(issuers)

    async def issue(
        self,
        request: x509.CertificateSigningRequest,
        role: Role,
        *,
        replacing: Chain | None = None,
    ) -> Chain:
        """Return what the first issuer made that could; raises what the first raised if none."""
        failed: list[HermeticError] = []
        for one in self._issuers:
            ours = replacing if replacing is not None and one.issued(replacing) else None
            try:
                return await one.issue(request, role, replacing=ours)
            except HermeticError as error:
                failed.append(error)
                if len(failed) < len(self._issuers):
                    log.warning("certificate.next_issuer", text=error.text)
        raise failed[0]

    def issued(self, chain: Chain) -> bool:
        """Tell whether one of them issued *chain*."""
        return any(one.issued(chain) for one in self._issuers)

    async def suggested(self, chain: Chain) -> Suggestion | None:
        """Return what the one that issued *chain* suggests."""
        for one in self._issuers:
            if one.issued(chain):
                return await one.suggested(chain)
        return None
