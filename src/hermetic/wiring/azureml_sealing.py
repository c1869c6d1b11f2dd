"""Front ends of the face of Azure ML, presented beside what the node itself presents."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from hermetic.certificates.credential import Credential
from hermetic.certificates.roles import Role
from hermetic.clock import Clock
from hermetic.config.home import Home
from hermetic.config.settings import Settings
from hermetic.config.web import WebSettings
from hermetic.gateway.frontends import FrontEnd, FrontEnds, Leading
from hermetic.serving.frontend import FrontEndTls, TlsState, Zone
from hermetic.tls.by_name import ByName
from hermetic.tls.contexts import TlsProfile
from hermetic.wiring.azureml_belief import callers_believe, known
from hermetic.wiring.azureml_issuer import issuer_of
from hermetic.wiring.azureml_shown import STORAGE, source_of, with_front_ends_shown
from hermetic.wiring.own import own_authority
from hermetic.wiring.sealing import Sealing


async def front_ends_of(
    home: Home,
    settings: Settings | WebSettings,
    sealing: Sealing,
    clock: Clock,
    leading: Leading | None = None,
) -> tuple[FrontEnds, Sealing, Callable[[], bytes]]:
    """Return the front ends, *sealing* that presents them too, and whom to believe, in PEM.

    Raises:
        BadConfiguration: The authority of the home is lost, or has expired; or a file that the
            settings name cannot be used.
    """
    section = settings.azureml
    authority = await asyncio.to_thread(own_authority, home, clock)
    issuer = await asyncio.to_thread(
        issuer_of, home, section, settings.certificates, sealing, authority, clock
    )
    by_name = ByName(clock=clock, role=Role.API, profile=TlsProfile(settings.tls.profile))
    front_ends = FrontEnds(
        zone=Zone(section.region, section.domain),
        issuer=issuer,
        by_name=by_name,
        known=lambda: known(home, authority),
        clock=clock,
        for_development=section.self_signed,
        leading=leading,
    )
    _present(sealing, by_name, front_ends)
    source = source_of(section, settings.certificates)
    shown = with_front_ends_shown(sealing, front_ends, source)

    return front_ends, shown, lambda: callers_believe(home, authority, by_acme=section.is_by_acme)


async def hold_storage(front_ends: FrontEnds, host: str) -> None:
    """Answer to *host*, where files are sent to, with a certificate that is made at each start."""

    async def keep(_name: str, credential: Credential) -> None:
        await front_ends.hold(replace(storage, credential=credential), keep)

    storage = FrontEnd(STORAGE, FrontEndTls(TlsState.AUTO, host))
    await keep(STORAGE, await front_ends.issued(host))


def _present(sealing: Sealing, by_name: ByName, front_ends: FrontEnds) -> None:
    context = sealing.context
    if context is not None:
        before = context.further
        # What the administrator laid into a folder comes before what a user gave.
        context.further = lambda name: (before(name) if before else None) or by_name.find(name)
        front_ends.is_own = lambda host: context.covers(host) or bool(before and before(host))
