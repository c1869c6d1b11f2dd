"""A node played by the standard library over real TLS, answering what it is told to."""

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from hermetic.certificates.credential import Credential


@dataclass
class Played:
    """What the node answers, and what it was asked."""

    url: str = ""
    status: int = 200
    body: bytes = b"{}"
    location: str = ""
    answers: dict[str, bytes] = field(default_factory=dict)
    coming: dict[str, list[bytes]] = field(default_factory=dict)
    """Answers that are given once each, before the one in `answers`."""
    failures: dict[str, bytes] = field(default_factory=dict)
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)


def _handler(played: Played) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            if self.headers.get("transfer-encoding") == "chunked":
                body = b""
                while size := int(self.rfile.readline(), 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
            else:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            played.asked.append((self.command, self.path, headers, body))
            asked = f"{self.command} {self.path}"
            failure = played.failures.get(asked)
            coming = played.coming.get(asked)
            body = failure or (coming.pop(0) if coming else played.answers.get(asked, played.body))
            self.send_response(json.loads(failure)["status"] if failure else played.status)
            if played.location:
                self.send_header("location", played.location)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815 - the library's names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Stay silent."""

    return Handler


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Stay silent: a refused handshake is what some tests are about."""


@contextmanager
def playing(credential: Credential | None, folder: Path) -> Iterator[Played]:
    """Play a node that presents *credential*, or that speaks plain HTTP without one."""
    played = Played()
    server = _Server(("127.0.0.1", 0), _handler(played))
    scheme = "http"
    if credential is not None:
        pair = folder / "pair.pem"
        pair.write_bytes(credential.chain_pem + credential.key_pem)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        scheme = "https"
    played.url = f"{scheme}://localhost:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield played
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
