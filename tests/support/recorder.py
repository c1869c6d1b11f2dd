"""What stands behind a front in a test: it writes down what reaches it, and answers or does not."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_PIECE = 64 * 1024


@dataclass
class Recorded:
    """One request as it arrived; names of fields in lower case."""

    method: str
    path: str
    fields: dict[str, str]
    peer: dict[str, Any]
    body_bytes: int = 0


@dataclass
class Recorder:
    """A server of one port, and everything that has reached it."""

    port: int
    requests: list[Recorded] = field(default_factory=list)
    connections: int = 0
    """How many there have been that got through their handshake."""
    answers: bool = True
    """Whether it answers, or closes the connection once it has read a request."""

    @property
    def last(self) -> Recorded:
        """The latest request."""
        return self.requests[-1]


@contextmanager
def recording(context: ssl.SSLContext | None = None) -> Iterator[Recorder]:
    """Run a recorder until left, with TLS if there is a context."""
    recorder = Recorder(0)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except OSError:
                self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
            """Stay silent."""

        def record(self) -> None:
            peer = self.connection.getpeercert() if context is not None else None
            fields = {name.lower(): value for name, value in self.headers.items()}
            recorded = Recorded(self.command, self.path, fields, peer or {})
            recorder.requests.append(recorded)
            left = int(fields.get("content-length", 0))
            while left:
                piece = self.rfile.read1(min(left, _PIECE))
                recorded.body_bytes += len(piece)
                left -= len(piece)
            if not recorder.answers:
                self.close_connection = True
                return
            self.send_response(200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = record  # noqa: N815 - its names there

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Stay silent: a handshake that fails is what some tests want."""

        def finish_request(self, request: Any, client_address: Any) -> None:
            wrapped = request if context is None else context.wrap_socket(request, server_side=True)
            recorder.connections += 1
            with wrapped:
                super().finish_request(wrapped, client_address)

    server = Server(("127.0.0.1", 0), Handler)
    recorder.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield recorder
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
