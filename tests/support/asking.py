"""Asks an ASGI application, as the server would, and takes its answer apart."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from starlette.types import ASGIApp, Message


@dataclass
class Reply:
    """One answer; field names are in lower case."""

    status: int
    fields: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, which is JSON."""
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of an error."""
        return str(self.json["error"]["code"])


async def ask(
    app: ASGIApp,
    method: str,
    url: str,
    body: object = b"",
    *,
    host: str = "localhost:12800",
    token: str = "",
    **fields: str,
) -> Reply:
    """Return what *app* answers; a *body* that is no bytes is sent as JSON."""
    path, _, query = url.partition("?")
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"host": host, "content-length": str(len(data))}
    if token:
        headers["authorization"] = f"Bearer {token}"
    headers |= {name.replace("_", "-"): value for name, value in fields.items()}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "https",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 12800),
        "state": {"request_id": "test-1"},
    }
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": data, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    (start,) = (one for one in sent if one["type"] == "http.response.start")
    told = {name.decode().lower(): value.decode("latin-1") for name, value in start["headers"]}
    whole = b"".join(one.get("body", b"") for one in sent if one["type"] == "http.response.body")
    return Reply(start["status"], told, whole)
