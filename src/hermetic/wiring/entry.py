"""Which web nodes a compute node lets in: as its settings say, and say anew while it runs.

Who is let in can run code.  So nothing that is blank, missing or cannot be read may ever let in
more than was said before.
"""

import asyncio
from collections.abc import Callable
from functools import partial

from hermetic.certificates.authorisation import Allowed
from hermetic.certificates.roles import Role
from hermetic.clock import Clock
from hermetic.config.compute import ComputeSettings
from hermetic.config.home import Home
from hermetic.config.sections import is_this_machine
from hermetic.errors import BadConfiguration, HermeticError
from hermetic.log import logger
from hermetic.tls.trust import LiveTrust
from hermetic.wiring.life import Task
from hermetic.wiring.trusting import allowed_by, live_trust

Reread = Callable[[], ComputeSettings]
"""Reads the settings anew; raises `BadConfiguration` for what cannot be read."""

PERIOD_S = 1.0
"""How often to look into the settings."""

log = logger(__name__)


def refuse_openness(settings: ComputeSettings) -> None:
    """Refuse to run code for whoever comes, unless somebody said that this is meant.

    Raises:
        BadConfiguration: Nobody is named who may come in, or who is named cannot show it.
    """
    section, where = settings.client_certificate, settings.kestrel.interface
    if section.is_named and section.enabled is not False:
        if not settings.kestrel.https_enabled:
            raise BadConfiguration(
                "ClientCertificate asks web nodes for a certificate, and Kestrel.HttpsEnabled is"
                " false: a certificate is shown in TLS only, so set that to true."
            )
        return
    if is_this_machine(where):
        return
    if section.enabled is None:
        raise BadConfiguration(
            "Whoever reaches this node could let it run code: set ClientCertificate.Issuer and"
            " .Subject to those of the web nodes' certificate, or ClientCertificate.Enabled to"
            " false to say that only web nodes can reach it."
        )
    log.warning("door.open", host=where, setting="ClientCertificate.Enabled")


async def guarded(
    home: Home, settings: ComputeSettings, reread: Reread, clock: Clock
) -> tuple[LiveTrust | None, list[Task]]:
    """Return who is let in, and what keeps that up; nobody is asked where that was chosen."""
    section = settings.client_certificate
    if section.enabled is False or not section.is_named:
        return None, []
    allowed = await asyncio.to_thread(allowed_by, section, home)
    trust, task = await live_trust(home, Role.AUTHENTICATION, clock, allowed)
    return trust, [task, partial(follow_settings, trust, allowed, partial(now_meant, home, reread))]


async def follow_settings(
    trust: LiveTrust, known: Allowed, meant: Callable[[], Allowed], *, period_s: float = PERIOD_S
) -> None:
    """Let in whom the settings mean now, without a restart, until cancelled.

    What cannot be read, or names nobody, changes nothing: a file that is being saved is missing
    for a moment, and to take away the door of a node that runs is no edit.
    """
    wrong = ""
    while True:
        await asyncio.sleep(period_s)
        try:
            allowed = await asyncio.to_thread(meant)
            if allowed != known:
                trust.allow(allowed)
                log.info("door.changed", setting="ClientCertificate")
            known, wrong = allowed, ""
        except HermeticError as error:
            if error.text != wrong:
                log.warning("settings.unread", reason=error.text)
            wrong = error.text


def now_meant(home: Home, reread: Reread) -> Allowed:
    """Return whom the settings let in now; raises `BadConfiguration` if they say so no longer."""
    section = reread().client_certificate
    if section.enabled is False or not section.is_named:
        raise BadConfiguration(
            "ClientCertificate says no longer which web nodes are let in: those that it said"
            " before are, until the node is started anew."
        )
    return allowed_by(section, home)
