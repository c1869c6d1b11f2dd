"""What a web node asks of a compute node beside calls: the addresses and what answers them.

No token is asked for anywhere: whoever got through the door is a web node.
"""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Router
from starlette.types import ASGIApp, Receive, Scope, Send

from hermetic.access.principals import Principal
from hermetic.client.execution import Execution
from hermetic.client.hosting import SessionHost
from hermetic.compute.placements import CALLS, Placements
from hermetic.compute.session_api import SessionHostApi
from hermetic.errors import NotFound, NotPlaced, Unauthenticated
from hermetic.http.endpoint import Endpoint, Handler, json, pieces, read_raw, routes
from hermetic.http.gate import Gate, opened_by
from hermetic.http.limits import WireLimits
from hermetic.http.status import StatusApi
from hermetic.wire.messages import CheckResponse
from hermetic.wire.openapi import Operation

_TAG = "Execution"


class PlacementsApi:
    """Takes services and bundles in, and tries services out."""

    def __init__(
        self,
        placements: Placements,
        execution: Execution,
        limits: WireLimits,
        restart: Callable[[], None],
    ) -> None:
        self._placements, self._execution, self._limits = placements, execution, limits
        self._restart = restart

    def endpoints(self) -> list[Endpoint]:
        """Return what can be asked."""
        one = "/placements/{digest}"
        return [
            _endpoint("POST", f"{CALLS}{{digest}}", "call", "Calls a service.", self._call),
            _endpoint("PUT", one, "place", "Makes a service callable.", self._place),
            _endpoint("DELETE", one, "withdraw", "Retires a service.", self._withdraw),
            _endpoint("POST", f"{one}/check", "check", "Loads a service once.", self._check),
            _endpoint("PUT", "/bundles/{digest}", "keepBundle", "Keeps a bundle.", self._keep),
            _endpoint("POST", "/probe", "probe", "Asks a worker a question.", self._probe),
            _endpoint("POST", "/restart", "restart", "Starts the node again.", self._start_again),
        ]

    async def _call(self, request: Request) -> Response:
        # A call of a service that was placed never comes here.
        raise NotPlaced("This node was not given that service yet, or has forgotten it.")

    async def _place(self, request: Request) -> Response:
        document = await read_raw(request, most=self._limits.json_bytes)
        await self._placements.place(request.path_params["digest"], document)
        return json({})

    async def _withdraw(self, request: Request) -> Response:
        self._placements.withdraw(request.path_params["digest"])
        return json({})

    async def _check(self, request: Request) -> Response:
        document = await read_raw(request, most=self._limits.json_bytes)
        loaded = await self._placements.check(request.path_params["digest"], document)
        return json(CheckResponse(console_output=loaded.console_output))

    async def _keep(self, request: Request) -> Response:
        archive = pieces(request, most=self._limits.upload_bytes)
        await self._placements.keep(request.path_params["digest"], archive)
        return json({}, 201)

    async def _probe(self, request: Request) -> Response:
        await self._execution.probe()
        return json({})

    async def _start_again(self, request: Request) -> Response:
        self._restart()
        return json({}, 202)


def application(apis: list[Endpoint]) -> ASGIApp:
    """Return the ASGI application of a compute node, which answers *apis*."""
    router = Router(routes(apis), redirect_slashes=False, default=_nothing_here)
    return Gate(router, opened_by([one.operation for one in apis]), _nobody)


def endpoints(
    placements: Placements,
    execution: Execution,
    sessions: SessionHost,
    status: StatusApi,
    limits: WireLimits,
    restart: Callable[[], None],
) -> list[Endpoint]:
    """Return all that can be asked of a compute node; *restart* lets it end and begin again."""
    return [
        *PlacementsApi(placements, execution, limits, restart).endpoints(),
        *SessionHostApi(sessions, limits).endpoints(),
        *status.endpoints(),
    ]


def _endpoint(method: str, path: str, name: str, summary: str, handler: Handler) -> Endpoint:
    return Endpoint(Operation(method, path, name, summary, _TAG, gives=dict, open=True), handler)


def _nobody(bearer: bytes) -> Principal:
    raise Unauthenticated("There is nothing at this address.")


async def _nothing_here(scope: Scope, receive: Receive, send: Send) -> None:
    raise NotFound("There is nothing at this address.")
