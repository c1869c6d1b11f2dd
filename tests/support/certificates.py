"""An authority in memory, for tests that need certificates: root, intermediate, leaves."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from hermetic.certificates import signing
from hermetic.certificates.chain import Chain
from hermetic.certificates.credential import Credential
from hermetic.certificates.keys import KeyKind, PrivateKey, generate
from hermetic.certificates.roles import Role

DAY = timedelta(days=1)


@cache
def key_of(kind: KeyKind, which: int = 0) -> PrivateKey:
    """Return a key of *kind*, the same one for the same *which* all session long."""
    return generate(kind)


@dataclass(frozen=True)
class Hierarchy:
    """A root and an intermediate below it, and leaves on demand."""

    root: Credential
    intermediate: Credential
    now: datetime

    @property
    def root_certificate(self) -> x509.Certificate:
        return self.root.chain.leaf

    @property
    def root_pem(self) -> bytes:
        return self.root_certificate.public_bytes(serialization.Encoding.PEM)

    def issue(
        self,
        *names: str,
        role: Role = Role.API,
        now: datetime | None = None,
        life: timedelta = DAY,
        key: PrivateKey | None = None,
        backdate: timedelta = signing.BACKDATE,
    ) -> Credential:
        """Return a leaf for *names* (localhost and both loopback addresses if none), its key new.

        An expired one is `now=hierarchy.now - 2 * DAY`; one not yet valid
        `now=hierarchy.now + 2 * DAY`.
        """
        key = key or generate()
        chain = signing.leaf(
            self.intermediate,
            key.public_key(),
            names=names or ("localhost", "127.0.0.1", "::1"),
            role=role,
            now=now or self.now,
            life=life,
            backdate=backdate,
        )
        return Credential(chain, key)


def hierarchy(
    now: datetime | None = None,
    *,
    kind: KeyKind = KeyKind.EC_P256,
    name: str = "Test",
    life: timedelta = 3650 * DAY,
) -> Hierarchy:
    """Return a new authority, made a year before *now* (default: the time of the machine)."""
    now = now or datetime.now(UTC)
    born = now - 365 * DAY
    root = signing.root(generate(kind), name=f"{name} root", now=born, life=life)
    intermediate = signing.intermediate(
        root, generate(kind), name=f"{name} intermediate", now=born, life=life
    )
    return Hierarchy(root, intermediate, now)


def chain_of(credential: Credential, *above: Credential) -> Chain:
    """Return the chain of *credential* with the certificates of *above* at its end."""
    more = tuple(c.chain.leaf for c in above)
    return Chain((*credential.chain.certificates, *more))
