"""Several issuers in order: whoever is first to issue is the one."""

import asyncio
from collections.abc import Sequence

from cryptography import x509

from hermetic.certificates.chain import Chain
from hermetic.certificates.roles import Role
from hermetic.errors import BadConfiguration, HermeticError, Unreachable
from hermetic.issuers.issuer import Issuer, Suggestion
from hermetic.log import logger

log = logger(__name__)


class Several:
    """An `Issuer` that asks one after the other, so that one that is down keeps nobody waiting."""

    def __init__(self, issuers: Sequence[Issuer], *, within_s: float = 240.0) -> None:
        """Ask *issuers* in their order, each but the last for *within_s* at most."""
        if not issuers:
            raise BadConfiguration("There is no issuer to ask.")
        self._issuers, self._within_s = tuple(issuers), within_s

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
            is_last = one is self._issuers[-1]
            try:
                async with asyncio.timeout(None if is_last else self._within_s):
                    return await one.issue(request, role, replacing=ours)
            except TimeoutError:
                failed.append(Unreachable(f"It did not issue within {self._within_s:g} s."))
            except HermeticError as error:
                failed.append(error)
            if not is_last:
                log.warning("certificate.next_issuer", text=failed[-1].text)
        raise failed[0]

    @property
    def doing(self) -> str:
        """What the one does that is asked now."""
        return next((one.doing for one in self._issuers if one.doing), "")

    def issued(self, chain: Chain) -> bool:
        """Tell whether one of them issued *chain*."""
        return any(one.issued(chain) for one in self._issuers)

    async def suggested(self, chain: Chain) -> Suggestion | None:
        """Return what the one that issued *chain* suggests."""
        for one in self._issuers:
            if one.issued(chain):
                return await one.suggested(chain)
        return None
