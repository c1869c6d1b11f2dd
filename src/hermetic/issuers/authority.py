"""Our own authority: a root, an intermediate below it, and short-lived leaves.

The root signs intermediates only, an intermediate leaves only.  Clients trust the root, so it
is never replaced behind their backs: where it is lost, opening fails and says what to do, and
replacing it is done in steps (`roots`).  The intermediate is nobody's business but ours, and is
renewed as leaves are.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from hermetic.certificates import signing
from hermetic.certificates.chain import Chain
from hermetic.certificates.constraints import check_name_constraints
from hermetic.certificates.effort import Effort
from hermetic.certificates.revoking import Revoked, revocation_list
from hermetic.certificates.roles import Role
from hermetic.clock import Clock
from hermetic.issuers.issuer import Suggestion
from hermetic.issuers.keeping import Keeping, Noting
from hermetic.issuers.roots import HERE, Hierarchy, Roots, leads_to
from hermetic.log import logger

LEAF_LIFE = timedelta(hours=24)
"""As step-ca's: a stolen key is of use for a day, and nothing has to be revoked."""
LIST_LIFE = timedelta(days=3)
"""A verifier that cannot fetch a newer revocation list for so long believes nobody any more."""

log = logger(__name__)


class Authority:
    """The `Issuer` that is ours."""

    def __init__(self, roots: Roots, now: Hierarchy, *, leaf_life: timedelta) -> None:
        """Put together what `open` found; use that."""
        self._roots, self._now, self._leaf_life = roots, now, leaf_life
        self._clock = roots.clock
        self._renewing = asyncio.Lock()

    @classmethod
    def open(
        cls,
        store: Keeping,
        ledger: Noting,
        clock: Clock,
        *,
        name: str = "Hermetic",
        leaf_life: timedelta = LEAF_LIFE,
        limits: Callable[[], Sequence[str]] = tuple,
    ) -> "Authority":
        """Open the authority kept in *store*, or make it there if there is none.

        Blocks for the disk.  A creation that was interrupted is completed, and an intermediate
        that is due is renewed.

        Args:
            ledger: Where each signature is written down before it is of use to anybody.
            name: What a new root and intermediate are called; a part of their key's digest is
                added, so that no two of them have the same name.
            leaf_life: How long leaves live, if their issuers live as long.
            limits: Gives what may be certified (`certificates.limits`); all if nothing.

        Raises:
            BadConfiguration: The root has expired, or is lost while what it signed is still in
                use; the text says what to do.
        """
        roots = Roots(store, ledger, clock, name, limits)
        return cls(roots, roots.open(), leaf_life=leaf_life)

    @property
    def root_pem(self) -> bytes:
        """The root certificates, which clients are to trust; public."""
        return b"".join(one.public_bytes(Encoding.PEM) for one in self.roots)

    @property
    def hierarchy(self) -> Hierarchy:
        """What it consists of."""
        return self._now

    @property
    def roots(self) -> tuple[x509.Certificate, ...]:
        """Whom to trust, the one that signs now first."""
        return self._now.roots

    @property
    def issuing(self) -> Chain:
        """The intermediate that signs leaves now, and what is above it but the root."""
        return self._now.intermediate.chain

    async def change(self, step: Callable[[Roots], Hierarchy]) -> None:
        """Take a *step* of a replacement of the root: prepare, activate or retire.

        Raises as that does.
        """
        async with self._renewing:
            self._now = await asyncio.to_thread(step, self._roots)

    def revocation_lists(
        self, revoked: Sequence[Revoked]
    ) -> tuple[x509.CertificateRevocationList, ...]:
        """Return the lists of what was *revoked*, one of each intermediate; good for three days.

        Signing takes a tenth of a millisecond.
        """
        now = self._clock()
        return tuple(
            revocation_list(one, revoked, now=now, life=LIST_LIFE)
            for one in self._now.intermediates
            if now < one.chain.leaf.not_valid_after_utc
        )

    async def issue(
        self,
        request: x509.CertificateSigningRequest,
        role: Role,
        *,
        replacing: Chain | None = None,
    ) -> Chain:
        """Return a leaf of 24 h (unless told otherwise at opening) and its intermediate.

        It begins five minutes ago, for clocks that are behind.  Of the request only its key and
        its names are taken.
        """
        del replacing  # whatever it is, it ends within a day
        return await self.sign(request, role, by=HERE)

    async def sign(self, request: x509.CertificateSigningRequest, role: Role, *, by: str) -> Chain:
        """Return what `issue` does, asked for *by* whom the ledger is to say.

        Raises as `issue`, `CertificateRejected` (`name-constraints`) for what is not permitted, and `StorageFull` if the ledger takes no more: nothing is given out then.
        """
        public_key = signing.requested_key(request)
        async with self._renewing:
            self._now = await asyncio.to_thread(self._looked)
        chain = signing.leaf(
            self._now.intermediate,
            public_key,
            names=signing.requested_names(request),
            role=role,
            now=self._clock(),
            life=self._leaf_life,
        )
        check_name_constraints(chain.certificates, Effort())
        await asyncio.to_thread(self._roots.note, chain, role.value, by)
        log.info(
            "certificate.issued",
            names=chain.names,
            role=role.value,
            serial=f"{chain.serial:x}",
            not_after=chain.not_after.isoformat(),
        )
        return chain

    @property
    def doing(self) -> str:
        """Nothing that anybody would have to wait for."""
        return ""

    def issued(self, chain: Chain) -> bool:
        """Tell whether *chain* leads to the root of this authority that signs now."""
        found = self._roots.look()
        return leads_to(chain, (found or self._now).root.chain.leaf)

    async def suggested(self, chain: Chain) -> Suggestion | None:
        """Suggest nothing: two thirds of a day are as good as any other moment."""
        return None

    def _looked(self) -> Hierarchy:
        """Return the hierarchy as another process may have left it, with what is due renewed."""
        return self._roots.look() or self._roots.open()
