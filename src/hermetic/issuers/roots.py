"""The root and the intermediate of our authority: found, made, renewed, replaced.

A root is replaced in three steps, so that nobody is ever shown what they cannot verify.  The next
one is *prepared*: made, and told to whoever verifies.  It is *activated* when all of them have said
that they trust it: from then on it signs, and the one before vouches for it (a cross-signed
certificate that goes along), for those who were given only that.  At last the one before is
*retired*.  Each step may be cut short anywhere, and is done again.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from hermetic.certificates import limits, signing
from hermetic.certificates.chain import Chain
from hermetic.certificates.credential import Credential
from hermetic.certificates.keys import KeyKind, PrivateKey, encode_public, generate
from hermetic.certificates.renewal import Stage, due_at, stage
from hermetic.clock import Clock
from hermetic.errors import BadConfiguration, Conflict, HermeticError, NotFound
from hermetic.issuers.keeping import Keeping, Noting
from hermetic.log import logger

ROOT, INTERMEDIATE = "root", "intermediate"
NEXT, PREVIOUS, PREVIOUS_INTERMEDIATE = "next-root", "previous-root", "previous-intermediate"
"""The entries of the store."""
HERE = "this home"
"""Who asked, in the ledger, if it was nobody from outside."""

ROOT_LIFE = timedelta(days=3652)
"""Ten years: whoever trusts it does so by hand, once."""
INTERMEDIATE_LIFE = timedelta(days=1095)

_KEY_KIND = KeyKind.EC_P256
"""For all three: every handshake verifies what the root signed, and P-384 takes six times as long
(0.5 ms)."""

log = logger(__name__)


@dataclass(frozen=True)
class Anchor:
    """The root: whom to trust, and what it signs with, where that is here."""

    chain: Chain
    credential: Credential | None

    @property
    def signing(self) -> Credential:
        """What it signs with; raises `Conflict` where that is kept elsewhere."""
        if self.credential is None:
            raise Conflict(
                "The key of the root is kept elsewhere: `hermetic authority online FILE` brings it"
                " back for as long as this takes."
            )
        return self.credential


@dataclass(frozen=True)
class Hierarchy:
    """What an authority consists of at one moment."""

    root: Anchor
    intermediate: Credential
    next: Credential | None = None
    previous: Credential | None = None
    previous_intermediate: Credential | None = None

    @property
    def roots(self) -> tuple[x509.Certificate, ...]:
        """Whom to trust, the one that signs now first."""
        found = (self.root, self.next, self.previous)
        return tuple(dict.fromkeys(one.chain.leaf for one in found if one is not None))

    @property
    def intermediates(self) -> tuple[Credential, ...]:
        """Those that leaves may come from which have not ended."""
        found = (self.intermediate, self.previous_intermediate)
        return tuple(one for one in found if one is not None)


@dataclass(frozen=True)
class Roots:
    """The hierarchy in a store; all methods block, and hold the store while they change it."""

    store: Keeping
    ledger: Noting
    clock: Clock
    name: str
    limits: Callable[[], Sequence[str]] = tuple
    """Gives the domains and networks that an intermediate may certify; all without any."""

    def open(self) -> Hierarchy:
        """Return the hierarchy, whose missing parts are made, and whose intermediate is renewed if due.

        Raises:
            BadConfiguration: The root has expired, or is lost while what it signed is still in use.
        """
        with self.store.exclusive(ROOT):
            return self._found()

    def look(self) -> Hierarchy | None:
        """Return the hierarchy as it is; `None` if it is not whole, or something in it is due."""
        root, intermediate = self._read_root(), self._read(INTERMEDIATE)
        if root is None or intermediate is None or not self._is_good(intermediate, root):
            return None
        return self._with(root, intermediate)

    def note(self, chain: Chain, role: str, by: str) -> None:
        """Write down that *chain* was signed."""
        self.ledger.add(chain, at=self.clock(), role=role, by=by)

    def prepare(self) -> Hierarchy:
        """Make the next root, which signs nothing yet; the one that waits already stays.

        Raises:
            Conflict: The one before the present has not been retired yet, or the key of the present
                one is elsewhere, which has to vouch for the next.
        """
        with self.store.exclusive(ROOT):
            found = self._found()
            if found.next is not None:
                return found
            _ = found.root.signing
            if found.previous is not None:
                raise Conflict(
                    "The last root that was replaced is still trusted: `hermetic authority retire`"
                    " it first."
                )
            made = self._new_root()
            self.store.write(NEXT, made)
            log.info("authority.prepared", name=made.chain.subject, sha256=made.chain.sha256)
            return self._found()

    def activate(self) -> Hierarchy:
        """Let the next root sign from now on.

        Raises:
            Conflict: There is none, or the key of the present one is elsewhere.
        """
        with self.store.exclusive(ROOT):
            found = self._found()
            if found.next is None:
                raise Conflict("There is no next root: `hermetic authority replace` makes one.")
            self.store.write(PREVIOUS, found.root.signing)
            self._write_root(found.next)
            log.info("authority.activated", sha256=found.next.chain.sha256)
            return self._found()

    def retire(self) -> Hierarchy:
        """Let nobody trust the root before the present any longer.

        Raises:
            Conflict: There is none.
        """
        with self.store.exclusive(ROOT):
            found = self._found()
            if found.previous is None:
                raise Conflict("There is no former root: the present one is the only one.")
            self.store.remove(PREVIOUS_INTERMEDIATE)
            self.store.remove(PREVIOUS)
            log.info("authority.retired", sha256=found.previous.chain.sha256)
            return self._found()

    def take_away(self, kept: Callable[[Credential], None]) -> Hierarchy:
        """Let the key of the root go: *kept* has to keep it elsewhere, and raises if it cannot.

        What it signed goes on; a new intermediate needs the key again, in two years.

        Raises:
            Conflict: It is elsewhere already, or a replacement of the root is under way.
        """
        with self.store.exclusive(ROOT):
            found = self._found()
            if found.next is not None or found.previous is not None:
                raise Conflict("The root is being replaced: retire the former one first.")
            root = found.root.signing
            kept(root)
            self.store.write_certificate(ROOT, root.chain.leaf)
            self.store.remove(ROOT)
            log.info("authority.offline", sha256=root.chain.sha256)
            return self._found()

    def bring_back(self, root: Credential) -> Hierarchy:
        """Let the key of the root be here again.

        Raises:
            Conflict: It is another root's, or the key was never away.
        """
        with self.store.exclusive(ROOT):
            found = self._found()
            if found.root.credential is not None:
                raise Conflict("The key of the root is here.")
            if root.chain.sha256 != found.root.chain.sha256:
                raise Conflict(
                    f"That is the key of another root ({root.chain.sha256}), and this authority's is"
                    f" {found.root.chain.sha256}."
                )
            self._write_root(root)
            log.info("authority.online", sha256=root.chain.sha256)
            return self._found()

    def _found(self) -> Hierarchy:
        root = self._open_root()
        coming = self._read(NEXT)
        if coming is not None and coming.chain.sha256 == root.chain.sha256:
            self.store.remove(NEXT)  # an activation that was cut short
        return self._with(root, self._open_intermediate(root))

    def _with(self, root: Anchor, intermediate: Credential) -> Hierarchy:
        def other(entry: str, than: Credential | Anchor) -> Credential | None:
            found = self._read(entry)
            return None if found is None or found.chain.sha256 == than.chain.sha256 else found

        return Hierarchy(
            root,
            intermediate,
            other(NEXT, root),
            other(PREVIOUS, root),
            other(PREVIOUS_INTERMEDIATE, intermediate),
        )

    def _read_root(self) -> Anchor | None:
        found = self._read(ROOT)
        if found is not None:
            return Anchor(found.chain, found)
        try:
            return Anchor(Chain((self.store.read_certificate(ROOT),)), None)
        except NotFound:
            return None

    def _open_root(self) -> Anchor:
        root = self._read_root()
        if root is None:
            made = self._make_root()
            return Anchor(made.chain, made)
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
        if self._read(INTERMEDIATE) is not None:
            raise BadConfiguration(
                "The root of our authority is lost, while an intermediate it signed is still there:"
                " restore the authority's folder from a backup, or move it away to begin a new"
                " authority and give its ca.pem to every client."
            )
        root = self._new_root()
        self._write_root(root)
        log.info("authority.created", name=root.chain.subject, sha256=root.chain.sha256)
        return root

    def _new_root(self) -> Credential:
        key = generate(_KEY_KIND)
        called = _called(self.name, "Root", key)
        root = signing.root(key, name=called, now=self.clock(), life=ROOT_LIFE)
        self.note(root.chain, ROOT, HERE)
        return root

    def _write_root(self, root: Credential) -> None:
        # twice: everything else can be issued again, but with one damaged file this would be gone
        self.store.write(ROOT, root)
        self.store.write(ROOT, root)

    def _open_intermediate(self, root: Anchor) -> Credential:
        now, kept = self.clock(), self._read(INTERMEDIATE)
        foreign = kept is not None and not leads_to(kept.chain, root.chain.leaf)
        if kept is not None and not foreign and self._is_good(kept, root):
            return self._vouched(kept)
        try:
            made = self._new_intermediate(root.signing)
            if kept is not None:
                self.store.write(PREVIOUS_INTERMEDIATE, kept)
            self.store.write(INTERMEDIATE, made)
        except HermeticError as error:
            if kept is None or foreign or now > kept.chain.not_after:
                raise
            log.warning("authority.renewal_failed", text=error.text)
            return kept
        log.info("authority.renewed", name=made.chain.subject, serial=f"{made.chain.serial:x}")
        return made

    def _new_intermediate(self, root: Credential) -> Credential:
        key, now = generate(_KEY_KIND), self.clock()
        called = _called(self.name, "Intermediate", key)
        made = signing.intermediate(
            root,
            key,
            name=called,
            now=now,
            life=INTERMEDIATE_LIFE,
            constraints=limits.constraints(self.limits()),
        )
        self.note(made.chain, INTERMEDIATE, HERE)
        previous = self._read(PREVIOUS)
        if previous is None or previous.chain.sha256 == root.chain.sha256:
            return made
        cross = signing.cross(previous, root.chain.leaf, now=now)
        self.note(cross, "cross", HERE)
        return Credential(Chain((made.chain.leaf, *cross.certificates)), key)

    def _is_good(self, intermediate: Credential, root: Anchor) -> bool:
        leaf = intermediate.chain.leaf
        return is_fresh(intermediate, root, self.clock()) and (
            limits.limited_to(leaf) == tuple(self.limits())
        )

    def _vouched(self, intermediate: Credential) -> Credential:
        """Return the intermediate without a former root's word for the present, once that is gone."""
        if len(intermediate.chain.certificates) == 1 or self._read(PREVIOUS) is not None:
            return intermediate
        alone = Credential(Chain((intermediate.chain.leaf,)), intermediate.key)
        self.store.write(INTERMEDIATE, alone)
        return alone

    def _read(self, entry: str) -> Credential | None:
        try:
            return self.store.read(entry)
        except NotFound:
            return None


def is_fresh(intermediate: Credential, root: Anchor, now: datetime) -> bool:
    """Whether *intermediate* is not due for renewal; one that ends with its root never is."""
    not_after = intermediate.chain.not_after
    return now < due_at(intermediate.chain, luck=0) or now < not_after == root.chain.not_after


def leads_to(chain: Chain, root: x509.Certificate) -> bool:
    """Whether each certificate of *chain* was signed by the next, and at last one by *root*.

    What stands in the chain in the place of *root*, another certificate of its key, counts as it.
    """
    path: list[x509.Certificate] = []
    for one in chain.certificates:
        if one.subject == root.subject and one.public_key() == root.public_key():
            break
        path.append(one)
    return bool(path) and _is_signed([*path, root])


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
