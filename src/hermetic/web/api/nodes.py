"""The compute nodes: ML Server's `/computenodes`, and beside it how they are."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response

from hermetic.access.principals import Principal
from hermetic.gateway.enrolment import Enrolment
from hermetic.gateway.nodes import STARTED, ComputeNode
from hermetic.http.endpoint import Endpoint, json, principal_of, read
from hermetic.http.limits import WireLimits
from hermetic.wire import status
from hermetic.wire.messages import ComputeNodes, Entries, NodeListing, NodeRequest
from hermetic.wire.openapi import Operation

_TAG = "Nodes"
_PATH = "/computenodes"


class NodesApi:
    """Answers what is asked about compute nodes."""

    def __init__(self, enrolment: Enrolment, limits: WireLimits) -> None:
        self._enrolment, self._limits = enrolment, limits

    def endpoints(self) -> list[Endpoint]:
        """Return what can be asked."""
        listing = Operation(
            "GET", _PATH, "getComputeNodes", "Lists the entries.", _TAG, gives=ComputeNodes
        )
        nodes = Operation(
            "GET",
            "/nodes",
            "getNodes",
            "Lists the compute nodes as this web node sees them.",
            _TAG,
            gives=list[NodeListing],
        )
        return [
            Endpoint(listing, self._list),
            Endpoint(_change("POST", "setComputeNodes", "Replaces them."), self._replace),
            Endpoint(_change("PUT", "addComputeNodes", "Adds some."), self._add),
            Endpoint(_change("DELETE", "removeComputeNodes", "Removes some."), self._remove),
            Endpoint(nodes, self._nodes),
            Endpoint(_asking("drain", "Lets a node get no more calls."), self._drain),
            Endpoint(_asking("undrain", "Lets a node get calls again."), self._undrain),
            Endpoint(_asking("restart", "Lets a node end and begin again."), self._restart),
        ]

    async def _list(self, request: Request) -> Response:
        return json(ComputeNodes(compute_nodes=await self._enrolment.entries()))

    async def _replace(self, request: Request) -> Response:
        return await self._change(request, self._enrolment.replace)

    async def _add(self, request: Request) -> Response:
        return await self._change(request, self._enrolment.add)

    async def _remove(self, request: Request) -> Response:
        return await self._change(request, self._enrolment.remove)

    async def _change(
        self, request: Request, change: Callable[[Principal, Sequence[str]], Awaitable[None]]
    ) -> Response:
        body = await read(request, Entries, most=self._limits.json_bytes)
        await change(principal_of(request), body.entries)
        return json({})

    async def _nodes(self, request: Request) -> Response:
        nodes, draining = await self._enrolment.nodes()
        return json([_listed(node, draining.get(node.address.url)) for node in nodes])

    async def _drain(self, request: Request) -> Response:
        return await self._set_draining(request, undo=False)

    async def _undrain(self, request: Request) -> Response:
        return await self._set_draining(request, undo=True)

    async def _set_draining(self, request: Request, *, undo: bool) -> Response:
        body = await read(request, NodeRequest, most=self._limits.json_bytes)
        await self._enrolment.drain(principal_of(request), body.uri, undo=undo)
        return json({})

    async def _restart(self, request: Request) -> Response:
        body = await read(request, NodeRequest, most=self._limits.json_bytes)
        await self._enrolment.restart(principal_of(request), body.uri)
        return json({}, 202)


def _change(method: str, name: str, summary: str) -> Operation:
    return Operation(method, _PATH, name, summary, _TAG, takes=Entries, gives=dict)


def _asking(name: str, summary: str) -> Operation:
    return Operation(
        "POST", f"/nodes/{name}", f"{name}Node", summary, _TAG, takes=NodeRequest, gives=dict
    )


def _listed(node: ComputeNode, draining_since: datetime | None) -> NodeListing:
    found = node.status
    details = {} if found is None else found.details
    return NodeListing(
        uri=node.address.url,
        state=_state(node, found.status_code if found else status.FAIL),
        trouble=node.trouble or str(details.get("failed", "")),
        started_at=str(details.get(STARTED, "")),
        version=str(details.get("version", "")),
        workers=_number(details, "pythonCurrentPoolSize"),
        busy=_number(details, "pythonActiveShellCount"),
        most=_number(details, "pythonMaxPoolSize"),
        queued=_number(details, "queuedCalls"),
        clock_ahead_s=round(node.skew_s, 3),
        draining_since=(
            None
            if draining_since is None
            else f"{draining_since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        ),
    )


def _state(node: ComputeNode, code: str) -> str:
    if node.status is None:
        return "unreachable"
    if node.retired or node.leaving:
        return "draining"
    return "ready" if code == status.PASS else "failing"


def _number(details: "dict[str, str | int]", name: str) -> int:
    value = details.get(name, 0)
    return value if isinstance(value, int) else 0
