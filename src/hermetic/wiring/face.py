"""The web of one box: what answers, what counts, and what tells whether it can.

Part of the wiring of `hermetic up`.
"""

import asyncio
import secrets
import socket
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version

from uvicorn import Config

from hermetic.clock import system_clock
from hermetic.config.settings import Settings
from hermetic.fronts.proxies import Proxies
from hermetic.http.clients import Clients
from hermetic.http.limits import WireLimits
from hermetic.http.requests import RequestIds
from hermetic.node.descriptors import room_for
from hermetic.node.health import Health
from hermetic.node.listener import Limits, Listener
from hermetic.node.metrics import Metrics, Sources
from hermetic.web.app import application
from hermetic.web.cases import Insight, UseCases
from hermetic.web.scoring import Scoring, ScoringProtocol
from hermetic.web.standing import Standing, local_backend
from hermetic.wire import status
from hermetic.wiring.parts import Parts
from hermetic.wiring.sealing import Sealing

_HSTS = b"max-age=63072000"  # Two years, as Mozilla's profiles have it.


class Face:
    """What of a box the network sees; `health` is to be started and stopped."""

    def __init__(self, settings: Settings, sealing: Sealing, parts: Parts) -> None:
        self._context = sealing.context.base if sealing.context else None
        self._bounds = Limits(
            connections=room_for(settings.limits.connections),
            per_address=settings.limits.connections_per_address,
        )
        self._listener: Listener | None = None
        self.health = Health(
            {
                "workers": parts.execution.probe,
                "database": parts.probe,
                "certificate": sealing.probe,
            }
        )
        metrics = Metrics(self._sources(sealing, parts))
        limits = WireLimits(
            call_bytes=settings.limits.body_bytes, upload_bytes=settings.limits.upload_bytes
        )
        hsts = _HSTS if sealing.context else None
        scoring = Scoring(
            routes=parts.routes,
            authenticate=parts.access.authenticate,
            execution=parts.execution,
            metrics=metrics,
            ids=RequestIds(secrets.token_hex(4)),
            limits=limits,
            hsts=hsts,
            settle=parts.access.settle,
        )
        standing = Standing(
            self.health,
            backends=lambda: local_backend(self.health, parts.execution.capacity),
            providers=lambda: {"local": status.leaf(status.PASS)},
            database=("sqlite", "main"),
        )
        app = application(
            _cases(sealing, parts),
            Insight(self.health, metrics, standing),
            version=version("hermetic"),
            limits=limits,
            hsts=hsts,
            proxies=Proxies.parse(settings.proxies.trusted),
        )
        config = Config(app, ws="none", lifespan="off", log_config=None, proxy_headers=False)
        self.clients = Clients(config, ScoringProtocol, scoring, system_clock)

    async def listen(
        self, sockets: Sequence[socket.socket], connect: Callable[[], asyncio.Protocol]
    ) -> Listener:
        """Begin to accept connections; see `node.server.Listen`."""
        self._listener = await Listener.start(sockets, connect, self._context, limits=self._bounds)
        return self._listener

    def _sources(self, sealing: Sealing, parts: Parts) -> Sources:
        return Sources(
            capacity=parts.execution.capacity,
            restarts=lambda: parts.execution.metrics.ended,
            expiries=sealing.seconds_left,
            handshakes_refused=self._refused,
            active_requests=lambda: self.clients.active_requests,
        )

    def _refused(self) -> Mapping[str, int]:
        return self._listener.refused if self._listener else {}


def _cases(sealing: Sealing, parts: Parts) -> UseCases:
    return UseCases(
        access=parts.access,
        publishing=parts.publishing,
        sessions=parts.hosted.sessions,
        snapshots=parts.snapshots,
        certification=sealing.certification,
    )
