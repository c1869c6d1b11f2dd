"""The face of Azure ML, put in front of the web of one box."""

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from hermetic.clock import system_clock
from hermetic.compat.azureml.face import Face
from hermetic.config.home import Home
from hermetic.config.settings import Settings
from hermetic.node import host
from hermetic.node.server import bind
from hermetic.wiring.azureml_content import derived, emptied
from hermetic.wiring.azureml_dns import leading_of
from hermetic.wiring.azureml_face import AzureMlFace, doors_of
from hermetic.wiring.azureml_names import reached_of, workspace_of
from hermetic.wiring.azureml_parts import Ground, use_cases
from hermetic.wiring.azureml_sealing import front_ends_of, hold_storage
from hermetic.wiring.limits import wire_limits
from hermetic.wiring.parts import Parts
from hermetic.wiring.sealing import Sealing


@asynccontextmanager
async def azureml(
    home: Home, settings: Settings, parts: Parts, sealing: Sealing, key: RSAPrivateKey, port: int
) -> AsyncIterator[AzureMlFace | None]:
    """Open the face of Azure ML; there is none where connections are not sealed.

    Args:
        key: What tokens are signed with.
        port: Where the node listens.

    Raises:
        Unavailable: The port for plain HTTP is taken.
        BadConfiguration: The authority of the home is lost, or has expired.
    """
    section = settings.azureml
    if not section.enabled or sealing.context is None:
        yield None
        return
    with ExitStack() as opened:
        plain = bind(settings.kestrel.host, section.http_port) if section.plain_http else []
        for one in plain:
            opened.callback(one.close)
        names = host.outward(host.names(settings.certificates.names))
        ports = [port, *(one.getsockname()[1] for one in plain[:1])]
        reached = reached_of(section, settings.kestrel.host, names, ports)
        front_ends, sealed, believed = await front_ends_of(
            home,
            section,
            sealing,
            settings.tls.profile,
            system_clock,
            await leading_of(section, reached.address),
        )
        ground = Ground(
            emptied(home.uploads),
            parts.kept,
            parts.execution,
            front_ends,
            system_clock,
            settings.limits.upload_bytes,
            plain_http=bool(plain),
        )
        access = parts.offer.access
        cases = use_cases(ground, access, believed, key)
        workspace = workspace_of(section)
        await hold_storage(front_ends, workspace.storage_host)
        await cases.start()
        face = Face(
            workspace,
            reached,
            cases,
            derived(key, b"uploaded files"),
            system_clock,
            wire_limits(settings.limits),
        )
        doors = doors_of(access, settings.proxies.trusted)
        try:
            yield AzureMlFace(face, sealed, front_ends, doors, plain)
        finally:
            await cases.operations.stop()
