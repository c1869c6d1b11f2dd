"""A node played by the standard library over real TLS, answering what it is told to."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from hermetic.certificates.credential import Credential
from tests.support.certificates import Hierarchy, hierarchy


@dataclass
class Played:
    """What the node answers, and what it was asked."""

    url: str = ""
    status: int = 200
    body: bytes = b"{}"
    location: str = ""
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)


Play = Callable[[Credential | None], AbstractContextManager[Played]]


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
            self.send_response(played.status)
            if played.location:
                self.send_header("location", played.location)
            self.send_header("content-length", str(len(played.body)))
            self.end_headers()
            self.wfile.write(played.body)

        do_GET = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815 - the library's names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Stay silent."""

    return Handler


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Stay silent: a refused handshake is what some tests are about."""


@pytest.fixture(scope="session")
def authority() -> Hierarchy:
    return hierarchy()


@pytest.fixture(scope="session")
def ca(authority: Hierarchy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    path.write_bytes(authority.root_pem)
    return path


@pytest.fixture
def play(tmp_path: Path) -> Play:
    """Return what plays a node that presents a credential, or speaks plain HTTP without one."""

    @contextmanager
    def play(credential: Credential | None) -> Iterator[Played]:
        played = Played()
        server = _Server(("127.0.0.1", 0), _handler(played))
        scheme = "http"
        if credential is not None:
            pair = tmp_path / "pair.pem"
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

    return play


@pytest.fixture
def node(play: Play, authority: Hierarchy) -> Iterator[Played]:
    """A node whose certificate the authority issued."""
    with play(authority.issue()) as played:
        yield played
