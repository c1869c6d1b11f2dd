"""How the node is: for balancers (`/livez`, `/readyz`), Prometheus and ML Server's `/status`."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from hermetic.client.execution import Capacity
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
    token, unless *metrics_open* says otherwise.  Of the checks of *health*, `workers` and
    `database` have a place of their own in `/status`.
    """

    def __init__(
        self,
        health: Health,
        metrics: Metrics,
        capacity: Callable[[], Capacity],
        *,
        metrics_open: bool = False,
    ) -> None:
        self._health, self._metrics, self._capacity = health, metrics, capacity
        self._metrics_open = metrics_open

    def endpoints(self) -> list[Endpoint]:
        """Return what can be asked."""
        ready = "Whether calls sent now would be answered; `?verbose` tells each check."
        return [
            Endpoint(_open("/livez", "livez", "Whether the node runs at all."), self._live),
            Endpoint(_open("/readyz", "readyz", ready), self._ready),
            # The name before there were two questions.
            Endpoint(_open("/healthz", "healthz", ready), self._ready),
            Endpoint(
                Operation(
                    "GET",
                    "/metrics",
                    "metrics",
                    "Figures for Prometheus.",
                    _TAG,
                    gives=_TEXT,
                    open=self._metrics_open,
                ),
                self._figures,
            ),
            Endpoint(
                Operation(
                    "GET", "/status", "getStatus", "The state of each part.", _TAG, gives=Status
                ),
                self._status,
            ),
        ]

    async def _live(self, request: Request) -> Response:
        # That this runs is the answer: the event loop turns.
        return PlainTextResponse("ok\n")

    async def _ready(self, request: Request) -> Response:
        findings = self._health.findings()
        ready = all(one.passed for one in findings)
        lines = ["ok" if ready else "not ready"]
        if "verbose" in request.query_params:
            lines = [_line(one) for one in findings] + lines
        return PlainTextResponse("\n".join(lines) + "\n", 200 if ready else 503)

    async def _figures(self, request: Request) -> Response:
        return Response(self._metrics.exposition(), media_type=self._metrics.content_type)

    async def _status(self, request: Request) -> Response:
        found = {one.name: one for one in self._health.findings()}
        workers = _code(found.get("workers"))
        components = {
            "backends": Status(
                status_code=workers,
                components={"local": self._backend(workers)},
                details={},
            ),
            "authentication": Status(
                status_code="pass",
                components={"local": Status(status_code="pass", components=None, details={})},
                details={},
            ),
            "database": Status(
                status_code=_code(found.get("database")),
                components=None,
                details={"type": "sqlite", "name": "main", "state": _state(found.get("database"))},
            ),
        }
        worst = _worst([one.status_code for one in components.values()])
        return json(Status(status_code=worst, components=components, details={"logPath": ""}))

    def _backend(self, code: str) -> Status:
        capacity = self._capacity()
        return Status(
            status_code=code,
            components=None,
            details={
                "pythonMaxPoolSize": capacity.most,
                "pythonActiveShellCount": capacity.busy,
                "pythonCurrentPoolSize": capacity.workers,
                "pythonCanOpenShell": str(capacity.busy < capacity.most),
                "apiVersion": "1.0",
                "logPath": "",
            },
        )


def _open(path: str, name: str, summary: str) -> Operation:
    return Operation("GET", path, name, summary, _TAG, gives=_TEXT, open=True)


def _line(finding: Finding) -> str:
    return f"[{'+' if finding.passed else '-'}] {finding.name}: {finding.text}"


def _code(finding: Finding | None) -> str:
    return "pass" if finding is not None and finding.passed else "fail"


def _state(finding: Finding | None) -> str:
    return "Open" if finding is not None and finding.passed else "Closed"


def _worst(codes: list[str]) -> str:
    return next(code for code in ("fail", "warn", "pass") if code in codes)
