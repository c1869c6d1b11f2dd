"""Front ends of the face of Azure ML: certified by our authority, presented beside the node's own."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from cryptography import x509

from hermetic.certificates.credential import Credential
from hermetic.certificates.importing import Known
from hermetic.certificates.roles import Role
from hermetic.certstore.stores import Stores
from hermetic.clock import Clock
from hermetic.config.azureml import AzureMl
from hermetic.config.home import Home
from hermetic.gateway.certification import Kept
from hermetic.gateway.frontends import FrontEnd, FrontEnds, Leading
from hermetic.serving.frontend import FrontEndTls, TlsState, Zone
from hermetic.tls.by_name import ByName
from hermetic.tls.contexts import TlsProfile
from hermetic.tls.system import system_roots
from hermetic.wiring.own import own_authority
from hermetic.wiring.sealing import Sealing

_PREFIX = "front-end-"
_STORAGE = "storage"


async def front_ends_of(
    home: Home,
    section: AzureMl,
    sealing: Sealing,
    profile: str,
    clock: Clock,
    leading: Leading | None = None,
) -> tuple[FrontEnds, Sealing, Callable[[], bytes]]:
    """Return the front ends, *sealing* that presents them too, and whom to believe, in PEM.

    Raises:
        BadConfiguration: The authority of the home is lost, or has expired.
    """
    authority = await asyncio.to_thread(own_authority, home, clock)
    by_name = ByName(clock=clock, role=Role.API, profile=TlsProfile(profile))
    front_ends = FrontEnds(
        zone=Zone(section.region, section.domain),
        issuer=authority,
        by_name=by_name,
        known=lambda: _known(home, authority.roots),
        clock=clock,
        for_development=section.self_signed,
        leading=leading,
    )
    _present(sealing, by_name, front_ends)
    before = sealing.certification.more
    sealing.certification.more = lambda: {**before(), **_kept(front_ends)}

    def seconds_left() -> dict[str, float]:
        now, left = clock(), sealing.further()
        for one in front_ends.all():
            if one.credential is not None:
                ends = one.credential.chain.not_after
                left[f"{_PREFIX}{one.name}"] = (ends - now).total_seconds()
        return left

    return front_ends, replace(sealing, further=seconds_left), lambda: authority.root_pem


async def hold_storage(front_ends: FrontEnds, host: str) -> None:
    """Answer to *host*, where files are sent to, with a certificate that is made at each start."""

    async def keep(_name: str, credential: Credential) -> None:
        await front_ends.hold(replace(storage, credential=credential), keep)

    storage = FrontEnd(_STORAGE, FrontEndTls(TlsState.AUTO, host))
    await keep(_STORAGE, await front_ends.issued(host))


def _present(sealing: Sealing, by_name: ByName, front_ends: FrontEnds) -> None:
    context = sealing.context
    if context is not None:
        before = context.further
        # What the administrator laid into a folder comes before what a user gave.
        context.further = lambda name: (before(name) if before else None) or by_name.find(name)
        front_ends.is_own = lambda host: context.covers(host) or bool(before and before(host))


def _known(home: Home, own: Sequence[x509.Certificate]) -> Known:
    stores = Stores(home.stores)
    roots = (*stores.roots(), *own, *system_roots())
    return Known(roots, stores.intermediates(), stores.revocation_lists())


def _kept(front_ends: FrontEnds) -> Mapping[str, Kept]:
    sources = {TlsState.AUTO: "our authority", TlsState.ENABLED: "its owner"}
    return {
        f"{_PREFIX}{one.name}": Kept(
            Role.API.value,
            sources[one.tls.state],
            chain=one.credential.chain,
            names=(one.tls.host,),
        )
        for one in front_ends.all()
        if one.credential is not None
    }
