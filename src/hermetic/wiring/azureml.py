"""The face of Azure ML, put in front of the web of one box."""

import hmac
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from starlette.types import ASGIApp

from hermetic.certificates.keys import encode
from hermetic.clock import system_clock
from hermetic.compat.azureml.app import AzureMl, Doors, Scoring
from hermetic.compat.azureml.face import Face
from hermetic.config.home import Home
from hermetic.config.settings import Settings
from hermetic.fronts.proxies import Proxies
from hermetic.gateway.frontends import FrontEnds
from hermetic.node import host
from hermetic.node.server import bind
from hermetic.registry.disk import remove_tree
from hermetic.wiring.azureml_names import reached_of, workspace_of
from hermetic.wiring.azureml_parts import Ground, use_cases
from hermetic.wiring.azureml_sealing import front_ends_of, hold_storage
from hermetic.wiring.limits import wire_limits
from hermetic.wiring.parts import Parts
from hermetic.wiring.sealing import Sealing

_HSTS = b"max-age=63072000"  # Two years, as Mozilla's profiles have it.


@dataclass(frozen=True)
class AzureMlFace:
    """What the face of Azure ML adds to a node; *plain* are sockets of the listener without TLS."""

    face: Face
    sealing: Sealing
    front_ends: FrontEnds
    doors: Doors
    plain: Sequence[socket.socket]

    def around(self, app: ASGIApp) -> ASGIApp:
        """Return *app* with the face in front of it."""
        return AzureMl(
            app,
            workspace=self.face.workspace,
            placing=self.face.cases.placing,
            control=self.face.control(),
            storage=self.face.storage(),
            scoring=self.face.scoring(sealed=True),
            doors=self.doors,
        )

    def without_tls(self) -> ASGIApp:
        """Return the application of the listener without TLS."""
        return Scoring(self.face.scoring(sealed=False), self.doors.proxies)


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
        front_ends, sealed, authority = await front_ends_of(
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
        cases = use_cases(ground, access, lambda: authority.root_pem, key)
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
        doors = Doors(
            access.authenticate, access.settle, Proxies.parse(settings.proxies.trusted), _HSTS
        )
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
