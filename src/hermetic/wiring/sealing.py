"""What one box presents: its authority, its credential, and the key its tokens are signed with.

Part of the wiring of `hermetic up`.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from hermetic.certificates.credential import Credential
from hermetic.certificates.roles import Role
from hermetic.certstore.files import FileStore
from hermetic.clock import Clock
from hermetic.config.home import Home, write_file
from hermetic.config.settings import Settings
from hermetic.errors import BadConfiguration, CertificateRejected, Unavailable
from hermetic.gateway.certification import Certification
from hermetic.issuers.authority import Authority
from hermetic.node.renewal import Renewal
from hermetic.tls.contexts import TlsProfile
from hermetic.tls.folder import read_folder
from hermetic.tls.reload import SwappingContext
from hermetic.tls.watch import follow
from hermetic.wiring import token_signing

API = "api"
Task = Callable[[], Coroutine[None, None, None]]
"""Something that runs beside the server until it is cancelled."""


@dataclass(frozen=True)
class Sealing:
    """The TLS side of a box; `context` is `None` where plain HTTP was chosen.

    `ca` is the file clients are to trust; `None` where the system's authorities will do.
    """

    store: FileStore
    context: SwappingContext | None
    ca: Path | None
    signing_key: RSAPrivateKey
    certification: Certification
    tasks: tuple[Task, ...]
    authority: FileStore | None
    clock: Clock

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
            left[API] = (served - now).total_seconds()
        return left


async def seal(home: Home, settings: Settings, names: Sequence[str], clock: Clock) -> Sealing:
    """Open or make what the box presents; what we make ourselves is for *names*.

    Raises:
        BadConfiguration: A key cannot be read, or what was supplied cannot be served.
        StorageFull: There is no room for what is made at a first start.
    """
    store = FileStore(home.certificates)
    key = await asyncio.to_thread(token_signing.key_in, store, clock)
    if not settings.kestrel.https_enabled:
        plain = Certification(store, {}, clock)
        return Sealing(store, None, None, key, plain, (), None, clock)
    if settings.certificates.folder:
        return _supplied(Path(settings.certificates.folder), settings, store, key, clock)
    return await _own(home, TlsProfile(settings.tls.profile), names, (store, key), clock)


async def _own(
    home: Home,
    profile: TlsProfile,
    names: Sequence[str],
    made: tuple[FileStore, RSAPrivateKey],
    clock: Clock,
) -> Sealing:
    """Present what our own authority issues, and renew it."""
    store, key = made
    kept = FileStore(home.authority)
    authority = await asyncio.to_thread(Authority.open, kept, clock)
    write_file(home.ca, authority.root_pem)
    renewal = Renewal(store, API, authority, names, Role.API, clock)
    context = SwappingContext(await renewal.credential(), clock=clock, profile=profile)

    def present(entry: str, credential: Credential) -> None:
        if entry == API:
            context.swap(credential)

    certification = Certification(store, {API: renewal}, clock, present=present)
    read = partial(store.read, API)
    tasks = (renewal.run, partial(follow, store.folder(API), context, clock=clock, read=read))
    return Sealing(store, context, home.ca, key, certification, tasks, kept, clock)


def _supplied(
    folder: Path, settings: Settings, store: FileStore, key: RSAPrivateKey, clock: Clock
) -> Sealing:
    """Present what somebody else puts into *folder*, and follow it there."""
    try:
        context = SwappingContext(
            read_folder(folder),
            clock=clock,
            names=settings.certificates.names,
            profile=TlsProfile(settings.tls.profile),
        )
    except CertificateRejected as error:
        raise BadConfiguration(
            f"What lies in the certificate folder cannot be served: {error.text}"
        ) from error
    # cert-manager lays the issuer's root beside the pair under this name.
    ca = folder / "ca.crt"
    certification = Certification(store, {}, clock)
    tasks = (partial(follow, folder, context, clock=clock),)
    trusted = ca.absolute() if ca.is_file() else None
    return Sealing(store, context, trusted, key, certification, tasks, None, clock)
