"""What the node says about itself: the API's description, and a page for each problem."""

from collections.abc import Sequence
from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from hermetic.errors import NotFound
from hermetic.http.endpoint import Endpoint, json
from hermetic.wire.openapi import Operation, document
from hermetic.wire.problems import kinds, page, title

_TAG = "Manual"
_TEXT = "text/plain"
_LINKS = {
    "openapi": "/openapi.json",
    "problems": "/problems",
    "ready": "/readyz?verbose",
    "login": "/login",
    "services": "/services",
}


class ManualApi:
    """Answers what is asked before anything else is known."""

    def __init__(self, others: Sequence[Operation], version: str) -> None:
        self._others, self._version = others, version

    def endpoints(self) -> list[Endpoint]:
        """Return what can be asked."""
        return [
            Endpoint(_open("/", "root", "What this is, and where to go on.", dict), self._root),
            Endpoint(
                _open("/openapi.json", "openapi", "Describes this API.", dict), self._describe
            ),
            Endpoint(
                _open("/problems", "listProblems", "Lists what can go wrong.", _TEXT),
                self._problems,
            ),
            Endpoint(
                _open("/problems/{type}", "getProblem", "Explains one problem.", _TEXT),
                self._problem,
            ),
        ]

    async def _root(self, request: Request) -> Response:
        if "text/html" in request.headers.get("accept", ""):
            links = "".join(
                f'<li><a href="{escape(link)}">{escape(name)}</a>' for name, link in _LINKS.items()
            )
            return HTMLResponse(f"<!doctype html><title>Hermetic</title><h1>Hermetic</h1>{links}")
        return json({"name": "Hermetic", "version": self._version, "links": _LINKS})

    async def _describe(self, request: Request) -> Response:
        own = [endpoint.operation for endpoint in self.endpoints()]
        return json(document([*self._others, *own], version=self._version))

    async def _problems(self, request: Request) -> Response:
        lines = (f"/problems/{name}  {title(kind)}" for name, kind in sorted(kinds().items()))
        return PlainTextResponse("\n".join(lines) + "\n")

    async def _problem(self, request: Request) -> Response:
        kind = kinds().get(request.path_params["type"])
        if kind is None:
            raise NotFound("There is no problem of that type: /problems lists them.")
        return PlainTextResponse(page(kind))


def _open(path: str, name: str, summary: str, gives: type | str) -> Operation:
    return Operation("GET", path, name, summary, _TAG, gives=gives, open=True)
