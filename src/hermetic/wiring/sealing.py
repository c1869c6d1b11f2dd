"""What a node presents to those who connect: of our own authority, of a store, or supplied."""

import asyncio
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from hermetic.certificates.chain import Chain
from hermetic.certificates.credential import Credential
from hermetic.certificates.roles import Role
from hermetic.certificates.selection import Choice
from hermetic.certstore.chosen import Chosen
from hermetic.certstore.files import FileStore
from hermetic.certstore.stores import Stores
from hermetic.clock import Clock
from hermetic.config.home import Home, write_file
from hermetic.config.sections import CertificateChoice, Certificates, Tls
from hermetic.errors import BadConfiguration, CertificateRejected, Unavailable
from hermetic.gateway.certification import Certification
from hermetic.issuers.authority import Authority
from hermetic.node.presented import PresentedCheck
from hermetic.node.renewal import Renewal
from hermetic.tls.contexts import TlsProfile
from hermetic.tls.folder import read_folder
from hermetic.tls.reload import SwappingContext
from hermetic.tls.trust import LiveTrust
from hermetic.tls.watch import follow
from hermetic.wiring.life import Task


@dataclass(frozen=True)
class Wish:
    """What a listener is to present, as the settings say it.

    Of a store if *choice* names a certificate, of a *folder* if one is named, else of our own
    authority, for *own_names*.  Whatever comes from outside must cover *names*.  With *trust*
    clients must show a certificate too.
    """

    role: Role
    profile: TlsProfile = TlsProfile.INTERMEDIATE
    names: tuple[str, ...] = ()
    own_names: tuple[str, ...] = ()
    folder: Path | None = None
    choice: Choice | None = None
    trust: LiveTrust | None = None

    @classmethod
    def of(
        cls,
        role: Role,
        own_names: Sequence[str],
        tls: Tls,
        certificates: Certificates,
        choice: CertificateChoice | None = None,
        *,
        trust: LiveTrust | None = None,
    ) -> "Wish":
        """Return what these sections of the settings wish for."""
        return cls(
            role,
            TlsProfile(tls.profile),
            certificates.names,
            tuple(own_names),
            Path(certificates.folder) if certificates.folder else None,
            choice_of(choice) if choice is not None and choice.is_chosen else None,
            trust,
        )


@dataclass(frozen=True)
class Sealing:
    """The TLS side of a listener; `context` is `None` where plain HTTP was chosen.

    `ca` is the file clients are to trust; `None` where the system's authorities will do.  `kept`
    reads what should be presented.
    """

    store: FileStore
    context: SwappingContext | None
    ca: Path | None
    certification: Certification
    tasks: tuple[Task, ...]
    authority: FileStore | None
    clock: Clock
    kept: Callable[[], Chain] | None = None

    async def probe(self) -> None:
        """Raise `Unavailable` if what is presented has expired."""
        if self.context and self.context.credential.chain.not_after < self.clock():
            raise Unavailable("The certificate that is presented has expired.")

    def seconds_left(self) -> dict[str, float]:
        """Return the seconds to the end of each certificate, by where it is kept."""
        left = self.certification.seconds_left()
        now = self.clock()
        if self.authority is not None:
            for entry in self.authority.entries():
                chain = self.authority.read(entry).chain
                left[f"authority-{entry}"] = (chain.not_after - now).total_seconds()
        if self.context is not None:
            served = self.context.credential.chain.not_after
            left[self.context.role.value] = (served - now).total_seconds()
        return left

    def watching(self, sockets: Sequence[socket.socket]) -> list[Task]:
        """Return what keeps up what is presented on *sockets*, and sees to it that it is."""
        context, kept = self.context, self.kept
        if context is None or kept is None:
            return list(self.tasks)
        address, port = sockets[0].getsockname()[:2]
        reached = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)  # noqa: S104
        check = PresentedCheck((reached, port), lambda: context.credential.chain.names[0], kept)
        return [*self.tasks, check.run]


def choice_of(section: CertificateChoice) -> Choice:
    """Return which certificate a section of the settings means.

    Raises:
        BadInput: Subject or thumbprint is none.
    """
    return Choice.parse(
        location=section.store_location,
        store=section.store_name,
        subject=section.subject_name,
        thumbprint=section.thumbprint,
    )


def unsealed_listener(home: Home, clock: Clock) -> Sealing:
    """Return the sealing of a listener for which plain HTTP was chosen."""
    store = FileStore(home.certificates)
    return Sealing(store, None, None, Certification(store, {}, clock), (), None, clock)


async def seal(home: Home, wish: Wish, clock: Clock) -> Sealing:
    """Open or make what the listener presents.

    Raises:
        BadConfiguration: A key cannot be read, or what was supplied or chosen cannot be served.
        StorageFull: There is no room for what is made at a first start.
    """
    store = FileStore(home.certificates)
    if wish.choice is not None:
        return await _chosen(home, wish, wish.choice, store, clock)
    if wish.folder is not None:
        return await _supplied(wish, wish.folder, store, clock)
    return await _own(home, wish, store, clock)


async def own_renewal(home: Home, role: Role, names: Sequence[str], clock: Clock) -> Renewal:
    """Return what keeps a credential of our own authority fit, which is made if there is none.

    It lies in the store of the home under the name of its role.
    """
    kept = FileStore(home.authority)
    authority = await asyncio.to_thread(Authority.open, kept, clock)
    write_file(home.ca, authority.root_pem)
    return Renewal(FileStore(home.certificates), role.value, authority, names, role, clock)


async def _own(home: Home, wish: Wish, store: FileStore, clock: Clock) -> Sealing:
    """Present what our own authority issues, and renew it."""
    entry = wish.role.value
    renewal = await own_renewal(home, wish.role, wish.own_names, clock)
    context = _context(wish, await renewal.credential(), clock)

    def present(named: str, credential: Credential) -> None:
        if named == entry:
            context.swap(credential)

    certification = Certification(store, {entry: renewal}, clock, present=present)
    read = partial(store.read, entry)
    following = partial(follow, store.folder(entry), context, clock=clock, read=read)
    return Sealing(
        store,
        context,
        home.ca,
        certification,
        (renewal.run, following),
        FileStore(home.authority),
        clock,
        lambda: read().chain,
    )


async def _supplied(wish: Wish, folder: Path, store: FileStore, clock: Clock) -> Sealing:
    """Present what somebody else puts into *folder*, and follow it there."""
    try:
        context = _context(wish, await asyncio.to_thread(read_folder, folder), clock)
    except CertificateRejected as error:
        raise BadConfiguration(
            f"What lies in the certificate folder cannot be served: {error.text}"
        ) from error
    # cert-manager lays the issuer's root beside the pair under this name.
    ca = folder / "ca.crt"
    trusted = ca.absolute() if ca.is_file() else None
    return Sealing(
        store,
        context,
        trusted,
        Certification(store, {}, clock),
        (partial(follow, folder, context, clock=clock),),
        None,
        clock,
        lambda: read_folder(folder).chain,
    )


async def _chosen(
    home: Home, wish: Wish, choice: Choice, store: FileStore, clock: Clock
) -> Sealing:
    """Present what the settings name in a certificate store, and follow it there."""
    stores = Stores(home.stores)
    chosen = Chosen(stores, choice, role=wish.role, clock=clock)
    try:
        context = _context(wish, await asyncio.to_thread(chosen.read), clock)
    except CertificateRejected as error:
        raise BadConfiguration(
            f"The certificate that Kestrel.HttpsCertificate names cannot be served: {error.text}"
        ) from error
    following = partial(
        follow, chosen.folder, context, clock=clock, read=chosen.read, digest=chosen.digest
    )
    # The check of the port reads in a thread of its own, and a `Chosen` is for one at a time.
    again = Chosen(Stores(home.stores), choice, role=wish.role, clock=clock)
    return Sealing(
        store,
        context,
        await asyncio.to_thread(_published_roots, home, stores),
        Certification(store, {}, clock),
        (following,),
        None,
        clock,
        lambda: again.read().chain,
    )


def _published_roots(home: Home, stores: Stores) -> Path | None:
    """Write down whom this home believes, for the commands that speak to the node from here."""
    roots = stores.roots()
    if not roots:
        return None
    write_file(home.ca, b"".join(one.public_bytes(Encoding.PEM) for one in roots))
    return home.ca


def _context(wish: Wish, credential: Credential, clock: Clock) -> SwappingContext:
    trust = wish.trust
    own = wish.choice is None and wish.folder is None
    context = SwappingContext(
        credential,
        clock=clock,
        names=() if own else wish.names,
        role=wish.role,
        profile=wish.profile,
        client_roots=None if trust is None else trust.authorities_pem,
    )
    if trust is not None:
        trust.admit_through(context)
    return context
