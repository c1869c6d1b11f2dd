"""Sessions, as web nodes ask for them.  Whose they are, the web node knows and has seen to."""

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from hermetic.client.content import Content
from hermetic.client.hosting import SessionHost
from hermetic.client.sessions import LEFT_OUT
from hermetic.errors import BadInput, NotFound
from hermetic.http.endpoint import Endpoint, Handler, Streamed, json, pieces, read
from hermetic.http.limits import WireLimits
from hermetic.serving.bundle import Shelf
from hermetic.serving.service import RuntimeKind
from hermetic.wire.messages import ConsoleOutputResponse, encode
from hermetic.wire.openapi import Operation
from hermetic.wire.sessions import HostedExecution, OpenHosted, SessionIds

_ONE = "/sessions/{session_id}"
_THING = f"{_ONE}/{{shelf}}/{{name}}"


class SessionHostApi:
    """Answers for the sessions that *host* keeps."""

    def __init__(self, host: SessionHost, limits: WireLimits) -> None:
        self._host, self._limits = host, limits

    def endpoints(self) -> list[Endpoint]:
        """Return what can be asked."""
        return [
            _endpoint("POST", "/sessions/known", self._known),
            _endpoint("PUT", _ONE, self._open),
            _endpoint("DELETE", _ONE, self._close),
            _endpoint("DELETE", f"{_ONE}/force", self._force),
            _endpoint("POST", f"{_ONE}/execute", self._execute),
            _endpoint("POST", f"{_ONE}/cancel", self._cancel),
            _endpoint("GET", f"{_ONE}/console-output", self._console),
            _endpoint("GET", f"{_ONE}/history", self._history),
            _endpoint("GET", f"{_ONE}/archive", self._keep),
            _endpoint("PUT", f"{_ONE}/archive", self._fill),
            _endpoint("GET", f"{_ONE}/{{shelf}}", self._names),
            _endpoint("GET", _THING, self._read),
            _endpoint("PUT", _THING, self._write),
            _endpoint("DELETE", _THING, self._delete),
        ]

    async def _known(self, request: Request) -> Response:
        asked = await read(request, SessionIds, most=self._limits.json_bytes)
        return json(SessionIds(ids=sorted(await self._host.known(asked.ids))))

    async def _open(self, request: Request) -> Response:
        body = await read(request, OpenHosted, most=self._limits.json_bytes)
        try:
            runtime = RuntimeKind(body.runtime_type)
        except ValueError as error:
            raise BadInput(f"{body.runtime_type!r} is no runtime of this node.") from error
        await self._host.open(_id(request), runtime)
        return json({}, 201)

    async def _close(self, request: Request) -> Response:
        await self._host.close(_id(request))
        return json({})

    async def _force(self, request: Request) -> Response:
        await self._host.close(_id(request), force=True)
        return json({})

    async def _execute(self, request: Request) -> Response:
        body = await read(request, HostedExecution, most=self._limits.call_bytes)
        answer = await self._host.execute(_id(request), body.code, body.inputs, body.outputs)
        return Response(answer, media_type="application/json")

    async def _cancel(self, request: Request) -> Response:
        await self._host.cancel(_id(request))
        return json({})

    async def _console(self, request: Request) -> Response:
        text = await self._host.console_output(_id(request))
        return json(ConsoleOutputResponse(console_output=text))

    async def _history(self, request: Request) -> Response:
        return json(await self._host.history(_id(request)))

    async def _names(self, request: Request) -> Response:
        return json(await self._host.names(_id(request), _shelf(request)))

    async def _read(self, request: Request) -> Response:
        name = request.path_params["name"]
        content = await self._host.read(_id(request), _shelf(request), name)
        return Streamed(request, content, "application/octet-stream", name)

    async def _write(self, request: Request) -> Response:
        name, body = request.path_params["name"], pieces(request, most=self._limits.upload_bytes)
        await self._host.write(_id(request), _shelf(request), name, body)
        return json({}, 201)

    async def _delete(self, request: Request) -> Response:
        await self._host.delete(_id(request), _shelf(request), request.path_params["name"])
        return json({})

    async def _keep(self, request: Request) -> Response:
        kept = await self._host.keep(_id(request))
        answer = Streamed(request, kept.content, "application/zip", "session.zip")
        answer.headers[LEFT_OUT] = quote(encode(list(kept.left_out)).decode(), safe="")
        return answer

    async def _fill(self, request: Request) -> Response:
        body = pieces(request, most=self._limits.upload_bytes)
        size = int(request.headers.get("content-length", "0"))
        await self._host.fill(_id(request), Content(size, body))
        return json({})


def _endpoint(method: str, path: str, handler: Handler) -> Endpoint:
    name = f"{method.lower()}{path.replace('/', ' ').title().replace(' ', '')}"
    operation = Operation(method, path, name, "Serves a session.", "Sessions", open=True)
    return Endpoint(operation, handler)


def _id(request: Request) -> str:
    return str(request.path_params["session_id"])


def _shelf(request: Request) -> Shelf:
    try:
        return Shelf(request.path_params["shelf"])
    except ValueError as error:
        raise NotFound("A session has the shelves files and workspace.") from error
