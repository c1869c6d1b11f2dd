"""Sessions: opened, filled, run in, snapshotted, closed."""

from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response

from hermetic.errors import BadInput
from hermetic.gateway.sessions import Sessions
from hermetic.http.endpoint import (
    Endpoint,
    Handler,
    Streamed,
    json,
    pieces,
    principal_of,
    read,
)
from hermetic.http.limits import WireLimits
from hermetic.serving.bundle import Shelf
from hermetic.serving.service import RuntimeKind
from hermetic.wire.messages import (
    ConsoleOutputResponse,
    CreateSessionRequest,
    CreateSessionResponse,
    CreateSnapshotRequest,
    CreateSnapshotResponse,
    ExecuteRequest,
    ExecuteResponse,
    SessionListing,
)
from hermetic.wire.multipart import FormFile
from hermetic.wire.openapi import Operation

_TAG = "Sessions"
_ONE = "/sessions/{id}"
_BYTES = "application/octet-stream"


class SessionsApi:
    """Answers what is asked about a caller's own sessions."""

    def __init__(self, sessions: Sessions, limits: WireLimits) -> None:
        self._sessions, self._limits = sessions, limits

    def endpoints(self) -> list[Endpoint]:
        """Return what can be asked."""
        return [
            Endpoint(
                Operation(
                    "POST",
                    "/sessions",
                    "createSession",
                    "Opens a session.",
                    _TAG,
                    takes=CreateSessionRequest,
                    gives=CreateSessionResponse,
                    status=201,
                ),
                self._open,
            ),
            Endpoint(
                Operation(
                    "GET",
                    "/sessions",
                    "listSessions",
                    "Lists the caller's sessions.",
                    _TAG,
                    gives=list[SessionListing],
                ),
                self._list,
            ),
            *self._runs(),
            *self._keeps(),
            *self._shelves(),
        ]

    def _runs(self) -> list[Endpoint]:
        return [
            Endpoint(
                Operation(
                    "POST",
                    _ONE + "/execute",
                    "executeCode",
                    "Runs code.",
                    _TAG,
                    takes=ExecuteRequest,
                    gives=ExecuteResponse,
                ),
                self._execute,
            ),
            _plain("POST", "/cancel", "cancelSession", "Interrupts what runs.", self._cancel),
            _plain("DELETE", "", "closeSession", "Closes a session.", self._close),
            _plain("DELETE", "/force", "forceCloseSession", "Kills a session.", self._kill),
            Endpoint(
                Operation(
                    "GET",
                    _ONE + "/console-output",
                    "getSessionConsoleOutput",
                    "Shows what the last run wrote.",
                    _TAG,
                    gives=ConsoleOutputResponse,
                ),
                self._console,
            ),
            Endpoint(
                Operation(
                    "GET",
                    _ONE + "/history",
                    "getSessionHistory",
                    "Shows what was run.",
                    _TAG,
                    gives=list[str],
                ),
                self._history,
            ),
        ]

    def _keeps(self) -> list[Endpoint]:
        return [
            Endpoint(
                Operation(
                    "POST",
                    _ONE + "/snapshot",
                    "createSnapshot",
                    "Keeps what the session holds.",
                    _TAG,
                    takes=CreateSnapshotRequest,
                    gives=CreateSnapshotResponse,
                    status=201,
                ),
                self._snapshot,
            ),
            _plain(
                "POST",
                "/loadsnapshot/{snapshotId}",
                "loadSnapshot",
                "Merges a snapshot into the session.",
                self._load,
            ),
        ]

    def _shelves(self) -> list[Endpoint]:
        put_file = Operation(
            "POST",
            _ONE + "/files",
            "uploadSessionFile",
            "Puts a file into the session.",
            _TAG,
            takes="multipart/form-data",
            gives="text/plain",
            status=201,
        )
        put_object = Operation(
            "POST",
            _ONE + "/workspace/{name}",
            "createSessionWorkspaceObject",
            "Puts a serialised object into the session.",
            _TAG,
            takes=_BYTES,
            gives=dict,
        )
        return [
            Endpoint(put_file, self._put_file),
            Endpoint(put_object, self._put_object),
            *self._shelf(Shelf.FILES, "SessionFile"),
            *self._shelf(Shelf.WORKSPACE, "SessionWorkspaceObject"),
        ]

    def _shelf(self, shelf: Shelf, noun: str) -> list[Endpoint]:
        """Return what files and objects have in common."""

        async def names(request: Request) -> Response:
            return json(await self._sessions.names(principal_of(request), _id(request), shelf))

        async def content(request: Request) -> Response:
            name = request.path_params["name"]
            found = await self._sessions.read(principal_of(request), _id(request), shelf, name)
            return Streamed(request, found, _BYTES, name)

        async def delete(request: Request) -> Response:
            name = request.path_params["name"]
            await self._sessions.delete(principal_of(request), _id(request), shelf, name)
            return json({})

        all_of_them, one = f"{_ONE}/{shelf.value}", f"{_ONE}/{shelf.value}/{{name}}"
        listing = Operation(
            "GET", all_of_them, f"list{noun}s", "Lists the names.", _TAG, gives=list[str]
        )
        getting = Operation("GET", one, f"get{noun}", "Gives it back.", _TAG, gives=_BYTES)
        deleting = Operation("DELETE", one, f"delete{noun}", "Removes it.", _TAG, gives=dict)
        return [
            Endpoint(listing, names),
            Endpoint(getting, content),
            Endpoint(deleting, delete),
        ]

    async def _open(self, request: Request) -> Response:
        body = await read(request, CreateSessionRequest, most=self._limits.json_bytes)
        name = body.runtime_type or RuntimeKind.R.value
        if name not in {RuntimeKind.PYTHON.value, RuntimeKind.R.value}:
            raise BadInput(f"{name!r} is no runtime of sessions: use Python or R.")
        session = await self._sessions.open(
            principal_of(request),
            runtime=RuntimeKind(name),
            name=body.name,
            snapshot_id=body.snapshot_id,
        )
        return json(CreateSessionResponse(session_id=session.id), 201)

    async def _list(self, request: Request) -> Response:
        return json(
            [
                SessionListing(
                    id=one.id, name=one.name, owner=one.owner, runtime_type=one.runtime.value
                )
                for one in await self._sessions.own(principal_of(request))
            ]
        )

    async def _execute(self, request: Request) -> Response:
        body = await read(request, ExecuteRequest, most=self._limits.json_bytes)
        answer = await self._sessions.execute(
            principal_of(request),
            _id(request),
            body.code,
            {one.name: one.value for one in body.input_parameters or ()},
            body.output_parameters or (),
        )
        return Response(answer, media_type="application/json")

    async def _cancel(self, request: Request) -> Response:
        await self._sessions.cancel(principal_of(request), _id(request))
        return json({})

    async def _close(self, request: Request) -> Response:
        await self._sessions.close(principal_of(request), _id(request))
        return json({})

    async def _kill(self, request: Request) -> Response:
        await self._sessions.close(principal_of(request), _id(request), force=True)
        return json({})

    async def _console(self, request: Request) -> Response:
        text = await self._sessions.console(principal_of(request), _id(request))
        return json(ConsoleOutputResponse(console_output=text))

    async def _history(self, request: Request) -> Response:
        return json(await self._sessions.history(principal_of(request), _id(request)))

    async def _snapshot(self, request: Request) -> Response:
        body = await read(request, CreateSnapshotRequest, most=self._limits.json_bytes)
        kept = await self._sessions.snapshot(principal_of(request), _id(request), body.name)
        return json(CreateSnapshotResponse(snapshot_id=kept.id), 201)

    async def _load(self, request: Request) -> Response:
        await self._sessions.load_snapshot(
            principal_of(request), _id(request), request.path_params["snapshotId"]
        )
        return json({})

    async def _put_file(self, request: Request) -> Response:
        form = FormFile(request.headers.get("content-type", ""))
        arriving = pieces(request, most=self._limits.upload_bytes)
        begun = b""
        while form.name is None:
            piece = await anext(arriving, None)
            if piece is None:
                form.end()
                break
            begun = form.feed(piece)
        await self._sessions.write(
            principal_of(request),
            _id(request),
            Shelf.FILES,
            form.name or "",
            _file(form, begun, arriving),
        )
        return Response("", 201, media_type="text/plain")

    async def _put_object(self, request: Request) -> Response:
        await self._sessions.write(
            principal_of(request),
            _id(request),
            Shelf.WORKSPACE,
            request.path_params["name"],
            pieces(request, most=self._limits.upload_bytes),
        )
        return json({})


async def _file(
    form: FormFile, begun: bytes, arriving: AsyncIterator[bytes]
) -> AsyncIterator[bytes]:
    if begun:
        yield begun
    async for piece in arriving:
        content = form.feed(piece)
        if content:
            yield content
    # Raised before the last piece counts, so half a file never replaces a whole one.
    form.end()


def _id(request: Request) -> str:
    name = request.path_params["id"]
    return str(name)


def _plain(method: str, path: str, name: str, summary: str, handler: Handler) -> Endpoint:
    return Endpoint(Operation(method, _ONE + path, name, summary, _TAG, gives=dict), handler)
