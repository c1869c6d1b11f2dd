"""The web of a node that people speak to: what answers, what counts, what tells whether it can."""

import asyncio
import secrets
import socket
from collections.abc import Callable, Coroutine, Mapping, Sequence
from importlib.metadata import version

from uvicorn import Config

from hermetic.clock import system_clock
from hermetic.config.sections import Limits as Bounds
from hermetic.fronts.proxies import Proxies
from hermetic.http.clients import Clients
from hermetic.http.requests import RequestIds
from hermetic.node.health import Health
from hermetic.node.listener import Listener
from hermetic.node.metrics import Metrics, Sources
from hermetic.web.app import application
from hermetic.web.cases import Insight
from hermetic.web.scoring import Scoring, ScoringProtocol
from hermetic.web.standing import Standing
from hermetic.wiring.behind import Behind
from hermetic.wiring.limits import listening_limits, wire_limits
from hermetic.wiring.sealing import Sealing

_HSTS = b"max-age=63072000"  # Two years, as Mozilla's profiles have it.


class Face:
    """What of a node the network sees; `health` is to be started and stopped."""

    def __init__(
        self, bounds: Bounds, trusted: Sequence[str], sealing: Sealing, behind: Behind
    ) -> None:
        """Put it together; *trusted* are the proxies that are believed."""
        self._context = sealing.context.base if sealing.context else None
        self._bounds = listening_limits(bounds)
        self._listener: Listener | None = None
        self.tasks: list[Callable[[], Coroutine[None, None, None]]] = []
        """What has to run beside it."""
        self.drained: Callable[[], None] = lambda: None
        """Is told when the node begins to stop."""
        self.health = Health(
            {**behind.probes, "certificate": sealing.probe}, advisory=behind.advisory
        )
        self.metrics = Metrics(self._sources(sealing, behind))
        limits = wire_limits(bounds)
        hsts = _HSTS if sealing.context else None
        scoring = Scoring(
            routes=behind.routes,
            authenticate=behind.cases.access.authenticate,
            execution=behind.execution,
            metrics=self.metrics,
            ids=RequestIds(secrets.token_hex(4)),
            limits=limits,
            hsts=hsts,
            settle=behind.cases.access.settle,
        )
        scoring.refusing = behind.refusing
        standing = Standing(
            self.health,
            backends=lambda: behind.backends(self.health),
            providers=behind.providers,
            database=behind.database,
        )
        app = application(
            behind.cases,
            Insight(self.health, self.metrics, standing),
            version=version("hermetic"),
            limits=limits,
            hsts=hsts,
            proxies=Proxies.parse(trusted),
        )
        config = Config(
            behind.around(app), ws="none", lifespan="off", log_config=None, proxy_headers=False
        )
        self.clients = Clients(config, ScoringProtocol, scoring, system_clock)

    async def listen(
        self, sockets: Sequence[socket.socket], connect: Callable[[], asyncio.Protocol]
    ) -> Listener:
        """Begin to accept connections; see `node.server.Listen`."""
        self._listener = await Listener.start(sockets, connect, self._context, limits=self._bounds)
        return self._listener

    def _sources(self, sealing: Sealing, behind: Behind) -> Sources:
        return Sources(
            capacity=behind.execution.capacity,
            restarts=behind.restarts,
            expiries=sealing.seconds_left,
            handshakes_refused=self._refused,
            active_requests=lambda: self.clients.active_requests,
        )

    def _refused(self) -> Mapping[str, int]:
        return self._listener.refused if self._listener else {}
