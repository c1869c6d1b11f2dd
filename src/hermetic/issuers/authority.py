"""Our own authority: a root, an intermediate below it, and short-lived leaves.

The root signs intermediates only, an intermediate leaves only.  Clients trust the root, so it
is never replaced behind their backs: where it is lost, opening fails and says what to do.  The
intermediate is nobody's business but ours, and is renewed as leaves are.
"""

import asyncio
import hashlib
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Protocol

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from hermetic.certificates import signing
from hermetic.certificates.chain import Chain
from hermetic.certificates.credential import Credential
from hermetic.certificates.keys import KeyKind, PrivateKey, encode_public, generate
from hermetic.certificates.renewal import Stage, due_at, stage
from hermetic.certificates.revoking import Revoked, revocation_list
from hermetic.certificates.roles import Role
from hermetic.clock import Clock
from hermetic.errors import BadConfiguration, HermeticError, NotFound
from hermetic.issuers.issuer import Suggestion
from hermetic.log import logger

ROOT, INTERMEDIATE = "root", "intermediate"
"""The entries of the store."""
HERE = "this home"
"""Who asked, in the ledger, if it was nobody from outside."""

ROOT_LIFE = timedelta(days=3652)
"""Ten years: whoever trusts it does so by hand, once."""
INTERMEDIATE_LIFE = timedelta(days=1095)
LEAF_LIFE = timedelta(hours=24)
"""As step-ca's: a stolen key is of use for a day, and nothing has to be revoked."""

LIST_LIFE = timedelta(days=3)
"""A verifier that cannot fetch a newer revocation list for so long believes nobody any more."""

_KEY_KIND = KeyKind.EC_P256
"""For all three: every handshake verifies what the root signed, and P-384 takes six times as long
(0.5 ms)."""

log = logger(__name__)


class Keeping(Protocol):
    """What the authority asks of the store that keeps its keys; every `CertificateStore` does it."""

    def read(self, entry: str) -> Credential:
        """Return the credential *entry*, or raise `NotFound`."""
        ...

    def write(self, entry: str, credential: Credential) -> None:
        """Keep *credential* as *entry*, durably."""
        ...

    def exclusive(self, entry: str) -> AbstractContextManager[None]:
        """Hold *entry* against other processes."""
        ...


class Noting(Protocol):
    """Where signatures are written down (`certstore.ledger`)."""

    def add(self, chain: Chain, *, at: datetime, role: str, by: str) -> None:
        """Write down that *chain* was signed, durably; blocks, and raises if it cannot be."""
        ...


class Authority:
    """The `Issuer` that is ours."""

    def __init__(
        self,
        making: "_Making",
        root: Credential,
        intermediate: Credential,
        *,
        leaf_life: timedelta,
    ) -> None:
        """Put together what `open` found; use that."""
        self._making, self._clock, self._leaf_life = making, making.clock, leaf_life
        self._root, self._intermediate = root, intermediate
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
    ) -> "Authority":
        """Open the authority kept in *store*, or make it there if there is none.

        Blocks for the disk.  A creation that was interrupted is completed, and an intermediate
        that is due is renewed.

        Args:
            ledger: Where each signature is written down before it is of use to anybody.
            name: What a new root and intermediate are called; a part of their key's digest is
                added, so that no two of them have the same name.
            leaf_life: How long leaves live, if their issuers live as long.

        Raises:
            BadConfiguration: The root has expired, or is lost while what it signed is still in
                use; the text says what to do.
        """
        making = _Making(store, ledger, clock, name)
        with store.exclusive(ROOT):
            root = making.open_root()
            intermediate = making.open_intermediate(root)
        return cls(making, root, intermediate, leaf_life=leaf_life)

    @property
    def root_pem(self) -> bytes:
        """The root certificate, which clients are to trust; public."""
        return self._root.chain_pem

    @property
    def roots(self) -> tuple[x509.Certificate, ...]:
        """Whom to trust, the one that signs now first."""
        return (self._root.chain.leaf,)

    def revocation_lists(
        self, revoked: Sequence[Revoked]
    ) -> tuple[x509.CertificateRevocationList, ...]:
        """Return the lists of what was *revoked*, one of each intermediate; good for three days.

        Signing takes a tenth of a millisecond.
        """
        now = self._clock()
        return tuple(
            revocation_list(one, revoked, now=now, life=LIST_LIFE) for one in (self._intermediate,)
        )

    @property
    def issuing(self) -> Chain:
        """The intermediate that signs leaves now, and what is above it but the root."""
        return self._intermediate.chain

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

        Raises as `issue`, and `StorageFull` if the ledger takes no more: nothing is given out then.
        """
        public_key = signing.requested_key(request)
        await self._renew_intermediate()
        chain = signing.leaf(
            self._intermediate,
            public_key,
            names=signing.requested_names(request),
            role=role,
            now=self._clock(),
            life=self._leaf_life,
        )
        await asyncio.to_thread(self._making.note, chain, role.value, by)
        log.info(
            "certificate.issued",
            names=chain.names,
            role=role.value,
            serial=f"{chain.serial:x}",
            not_after=chain.not_after.isoformat(),
        )
        return chain

    def issued(self, chain: Chain) -> bool:
        """Tell whether *chain* leads to the root of this authority."""
        return _is_signed((*chain.certificates, self._root.chain.leaf))

    async def suggested(self, chain: Chain) -> Suggestion | None:
        """Suggest nothing: two thirds of a day are as good as any other moment."""
        return None

    async def _renew_intermediate(self) -> None:
        if _is_fresh(self._intermediate, self._root, self._clock()):
            return
        async with self._renewing:
            self._intermediate = await asyncio.to_thread(self._open_intermediate)

    def _open_intermediate(self) -> Credential:
        with self._making.store.exclusive(ROOT):  # another process may have renewed it meanwhile
            return self._making.open_intermediate(self._root)


@dataclass(frozen=True)
class _Making:
    """Finds the root and the intermediate, or makes them; whoever asks holds the store."""

    store: Keeping
    ledger: Noting
    clock: Clock
    name: str

    def note(self, chain: Chain, role: str, by: str) -> None:
        """Write down that *chain* was signed."""
        self.ledger.add(chain, at=self.clock(), role=role, by=by)

    def open_root(self) -> Credential:
        """Return the root."""
        root = _read(self.store, ROOT)
        if root is None:
            return self._make_root()
        not_after = root.chain.not_after
        if self.clock() > not_after:
            raise BadConfiguration(
                f"The root of our authority expired on {not_after:%Y-%m-%d}, and nothing it signed"
                " is accepted any more: move the folder of the authority away to begin a new one,"
                " and give its ca.pem to every client."
            )
        reached = stage(root.chain, self.clock())
        if reached is not Stage.FRESH:
            log.warning(
                "authority.root_expiring", stage=reached.value, not_after=not_after.isoformat()
            )
        return root

    def _make_root(self) -> Credential:
        if _read(self.store, INTERMEDIATE) is not None:
            raise BadConfiguration(
                "The root of our authority is lost, while an intermediate it signed is still there:"
                " restore the authority's folder from a backup, or move it away to begin a new"
                " authority and give its ca.pem to every client."
            )
        key = generate(_KEY_KIND)
        called = _called(self.name, "Root", key)
        root = signing.root(key, name=called, now=self.clock(), life=ROOT_LIFE)
        self.note(root.chain, ROOT, HERE)
        # twice: everything else can be issued again, but with one damaged file this would be gone
        self.store.write(ROOT, root)
        self.store.write(ROOT, root)
        log.info("authority.created", name=root.chain.subject, sha256=root.chain.sha256)
        return root

    def open_intermediate(self, root: Credential) -> Credential:
        """Return the intermediate, another one if it is due or of another root."""
        now, kept = self.clock(), _read(self.store, INTERMEDIATE)
        if kept is not None and not _is_signed((*kept.chain.certificates, root.chain.leaf)):
            kept = None  # of a root that was replaced by hand
        if kept is not None and _is_fresh(kept, root, now):
            return kept
        try:
            key = generate(_KEY_KIND)
            called = _called(self.name, "Intermediate", key)
            made = signing.intermediate(root, key, name=called, now=now, life=INTERMEDIATE_LIFE)
            self.note(made.chain, INTERMEDIATE, HERE)
            self.store.write(INTERMEDIATE, made)
        except HermeticError as error:
            if kept is None or now > kept.chain.not_after:
                raise
            log.warning("authority.renewal_failed", text=error.text)
            return kept
        log.info("authority.renewed", name=made.chain.subject, serial=f"{made.chain.serial:x}")
        return made


def _is_fresh(intermediate: Credential, root: Credential, now: datetime) -> bool:
    not_after = intermediate.chain.not_after
    # one that ends with its root gains nothing by being renewed
    return now < due_at(intermediate.chain, luck=0) or now < not_after == root.chain.not_after


def _read(store: Keeping, entry: str) -> Credential | None:
    try:
        return store.read(entry)
    except NotFound:
        return None


def _called(name: str, what: str, key: PrivateKey) -> str:
    """Return a name no other key has: OpenSSL looks issuers up by name before it tries keys."""
    digest = hashlib.sha256(encode_public(key.public_key())).hexdigest()
    return f"{name} {what} {digest[:8]}"


def _is_signed(certificates: Iterable[x509.Certificate]) -> bool:
    """Tell whether each of *certificates* was signed by the one after it."""
    try:
        for certificate, above in pairwise(certificates):
            certificate.verify_directly_issued_by(above)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True
