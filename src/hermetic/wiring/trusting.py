"""Whom a node trusts: the stores of its home, and the authority in it."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from cryptography import x509

from hermetic.certificates.authorisation import Allowed, Trust
from hermetic.certificates.roles import Role
from hermetic.certstore.files import FileStore
from hermetic.certstore.stores import Stores
from hermetic.certstore.trusted import TrustedStores
from hermetic.clock import Clock
from hermetic.config.compute import ClientCertificate
from hermetic.config.home import Home
from hermetic.errors import BadConfiguration, BadInput, CertificateRejected, NotFound
from hermetic.issuers.roots import NEXT, PREVIOUS, ROOT
from hermetic.tls.trust import LiveTrust
from hermetic.wiring.joined import joined_to
from hermetic.wiring.life import Task

_ROOTS = ROOT, NEXT, PREVIOUS


class HomeTrust:
    """The `TrustSource` of a home: what its stores say, and its own authority if it has one.

    The first three raise `CertificateRejected` (`damaged`) as `TrustedStores` does.
    """

    def __init__(self, home: Home) -> None:
        self._stores = TrustedStores(Stores(home.stores))
        self._authority = home.authority

    def roots(self) -> Sequence[x509.Certificate]:
        """Return the roots of the stores, and that of our own authority."""
        return (*self._stores.roots(), *self._own())

    def intermediates(self) -> Sequence[x509.Certificate]:
        """Return the intermediates of the stores."""
        return self._stores.intermediates()

    def revocation_lists(self) -> Sequence[x509.CertificateRevocationList]:
        """Return the revocation lists of the stores."""
        return self._stores.revocation_lists()

    def digest(self) -> str:
        """Return a word that changes whenever one of them does."""
        return f"{self._stores.digest()}:{self._own_version()}"

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders in which something changes when they do."""
        return self._stores.folder, *(self._authority / one for one in _ROOTS)

    def _own(self) -> Sequence[x509.Certificate]:
        if not self._authority.is_dir():
            return ()
        store = FileStore(self._authority)
        try:
            found = [root_in(store)]
        except NotFound as error:
            if not (self._authority / ROOT / "quarantine").exists():
                return ()
            # Left out it would look removed, and cut off everybody it vouches for.
            raise CertificateRejected(
                "damaged",
                f"The root in {self._authority} is damaged, with all its versions: bring the"
                " folder back from a backup, or remove it to believe this authority no longer.",
            ) from error
        for entry in _ROOTS[1:]:
            with suppress(NotFound):
                found.append(store.read(entry).chain.leaf)
        return tuple(dict.fromkeys(found))

    def _own_version(self) -> str:
        return " ".join(map(_version, (self._authority / one for one in _ROOTS)))


def root_in(store: FileStore) -> x509.Certificate:
    """Return the root that *store* has, whose key may be elsewhere; raises `NotFound`."""
    try:
        return store.read(ROOT).chain.leaf
    except NotFound:
        return store.read_certificate(ROOT)


def _version(folder: Path) -> str:
    try:
        return str((folder / "current").readlink())
    except OSError:
        return ""


async def live_trust(
    home: Home,
    role: Role,
    clock: Clock,
    allowed: Allowed | None = None,
    on_change: Callable[[Trust], None] = lambda trust: None,
) -> tuple[LiveTrust, Task]:
    """Return the trust of *home* in certificates of that *role*, and what keeps it up.

    Other arguments as `LiveTrust`.
    """
    source = HomeTrust(home)
    trust = await asyncio.to_thread(
        partial(LiveTrust, source, role=role, clock=clock, allowed=allowed, on_change=on_change)
    )
    return trust, partial(trust.follow, *source.folders)


def allowed_by(section: ClientCertificate, home: Home) -> Allowed:
    """Return whom the settings of the compute node in *home* let in; blocks for the disk.

    Raises:
        BadConfiguration: What they name is no distinguished name, name or fingerprint, or the
            node has joined nobody.
    """
    issuer, subject = section.issuer.strip(), section.subject.strip()
    try:
        return Allowed.parse(
            issuers=[issuer] if issuer else (),
            subjects=[subject] if subject else (),
            names=section.names,
            fingerprints=section.fingerprints,
            denied=section.denied,
            roots=joined_to(home).roots if section.enrolled else (),
        )
    except BadInput as error:
        raise BadConfiguration(f"ClientCertificate: {error.text}") from error
