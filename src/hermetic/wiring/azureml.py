"""The face of Azure ML, put in front of the web of one box."""

import hmac
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from hermetic.certificates.keys import encode
from hermetic.clock import system_clock
from hermetic.compat.azureml.face import Face
from hermetic.config.home import Home
from hermetic.config.settings import Settings
from hermetic.node import host
from hermetic.node.server import bind
from hermetic.registry.disk import remove_tree
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
        front_ends, sealed, believed = await front_ends_of(
            home, section, sealing, settings.tls.profile, system_clock
        )
        ground = Ground(
            _folder(home),
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
        names = host.outward(host.names(settings.certificates.names))
        ports = [port, *(one.getsockname()[1] for one in plain[:1])]
        face = Face(
            workspace,
            reached_of(section, settings.kestrel.host, names, ports),
            cases,
            hmac.digest(encode(key), b"hermetic uploaded files", "sha256"),
            system_clock,
            wire_limits(settings.limits),
        )
        doors = doors_of(access, settings.proxies.trusted)
        try:
            yield AzureMlFace(face, sealed, front_ends, doors, plain)
        finally:
            await cases.operations.stop()


def _folder(home: Home) -> Path:
    folder = home.uploads
    folder.mkdir(mode=0o700, exist_ok=True)
    for leftover in folder.iterdir():
        remove_tree(leftover)
    return folder
