"""The face of Azure ML, put in front of the web of one box, or of a web node that is alone."""

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from hermetic.clock import system_clock
from hermetic.compat.azureml.face import Face
from hermetic.config.home import Home
from hermetic.node import host
from hermetic.node.server import bind
from hermetic.wiring.azureml_content import derived, emptied
from hermetic.wiring.azureml_dns import leading_of
from hermetic.wiring.azureml_face import AzureMlFace, doors_of
from hermetic.wiring.azureml_names import reached_of, workspace_of
from hermetic.wiring.azureml_parts import Ground, use_cases
from hermetic.wiring.azureml_sealing import front_ends_of, hold_storage
from hermetic.wiring.azureml_standing import Standing
from hermetic.wiring.limits import wire_limits
from hermetic.wiring.sealing import Sealing


@asynccontextmanager
async def azureml(
    home: Home, standing: Standing, sealing: Sealing, key: RSAPrivateKey
) -> AsyncIterator[AzureMlFace | None]:
    """Open the face of Azure ML; there is none where connections are not sealed.

    Args:
        home: The home of the node.
        standing: What it stands on.
        sealing: How connections are sealed.
        key: What tokens are signed with.

    Raises:
        Unavailable: The port for plain HTTP is taken.
        BadConfiguration: The authority of the home is lost, or has expired.
    """
    if sealing.context is None or not standing.carries():
        yield None
        return
    settings, section = standing.settings, standing.settings.azureml
    with ExitStack() as opened:
        plain = bind(standing.interface, section.http_port) if section.plain_http else []
        for one in plain:
            opened.callback(one.close)
        names = host.outward(host.names(settings.certificates.names))
        ports = [standing.port, *(one.getsockname()[1] for one in plain[:1])]
        reached = reached_of(section, standing.interface, names, ports)
        front_ends, sealed, believed = await front_ends_of(
            home, settings, sealing, system_clock, await leading_of(section, reached.address)
        )
        ground = Ground(
            emptied(home.uploads),
            standing.kept,
            standing.execution,
            front_ends,
            system_clock,
            settings.limits.upload_bytes,
            plain_http=bool(plain),
            unpacks=standing.unpacks,
        )
        cases = use_cases(ground, standing.access, believed, key)
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
        doors = doors_of(standing.access, settings.proxies.trusted)
        try:
            yield AzureMlFace(face, sealed, front_ends, doors, plain)
        finally:
            await cases.operations.stop()
