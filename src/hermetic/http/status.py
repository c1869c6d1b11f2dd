"""How the node is: for balancers (`/livez`, `/readyz`), Prometheus and ML Server's `/status`."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from hermetic.http.endpoint import Endpoint, json
from hermetic.node.health import Finding, Health
from hermetic.node.metrics import Metrics
from hermetic.wire.messages import Status
from hermetic.wire.openapi import Operation

_TAG = "Node"
_TEXT = "text/plain"


class StatusApi:
    """Answers what is asked about the node itself.

    The figures of `/metrics` tell who publishes what and how often it is called, so they need a
    token, unless *metrics_open* says otherwise.  What `/status` answers is made by *standing*.
    """

    def __init__(
        self,
        health: Health,
        metrics: Metrics,
        standing: Callable[[], Status],
        *,
        metrics_open: bool = False,
        status_open: bool = False,
    ) -> None:
        self._health, self._metrics, self._standing = health, metrics, standing
        self._metrics_open, self._status_open = metrics_open, status_open

    def endpoints(self) -> list[Endpoint]:
        """Return what can be asked."""
        ready = "Whether calls sent now would be answered; `?verbose` tells each check."
        figures = Operation(
            "GET",
            "/metrics",
            "metrics",
            "Figures for Prometheus.",
            _TAG,
            gives=_TEXT,
            open=self._metrics_open,
        )
        status = Operation(
            "GET",
            "/status",
            "getStatus",
            "The state of each part.",
            _TAG,
            gives=Status,
            open=self._status_open,
        )
        return [
            Endpoint(_open("/livez", "livez", "Whether the node runs at all."), self._live),
            Endpoint(_open("/readyz", "readyz", ready), self._ready),
            # The name before there were two questions.
            Endpoint(_open("/healthz", "healthz", ready), self._ready),
            Endpoint(figures, self._figures),
            Endpoint(status, self._status),
        ]

    async def _live(self, request: Request) -> Response:
        # That this runs is the answer: the event loop turns.
        return PlainTextResponse("ok\n")

    async def _ready(self, request: Request) -> Response:
        findings, ready = self._health.findings(), self._health.ready
        lines = ["ok" if ready else "not ready"]
        if "verbose" in request.query_params:
            lines = [_line(one) for one in findings] + lines
        return PlainTextResponse("\n".join(lines) + "\n", 200 if ready else 503)

    async def _figures(self, request: Request) -> Response:
        return Response(self._metrics.exposition(), media_type=self._metrics.content_type)

    async def _status(self, request: Request) -> Response:
        return json(self._standing())


def _open(path: str, name: str, summary: str) -> Operation:
    return Operation("GET", path, name, summary, _TAG, gives=_TEXT, open=True)


def _line(finding: Finding) -> str:
    mark = "+" if finding.passed else "-" if finding.counts else "!"
    return f"[{mark}] {finding.name}: {finding.text}"
