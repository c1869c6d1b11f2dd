"""How our client for Azure ML's names speaks to a node, and to whom it tells nothing."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
from urllib3.util import Retry

from azureml.core._node import Node, Refused, refusal
from azureml.core._operations import ended
from azureml.core.authentication import ArmTokenAuthentication, MsiAuthentication
from azureml.exceptions import (
    AuthenticationException,
    ProjectSystemException,
    WebserviceException,
)
from hermetic.certificates.credential import Credential
from hermetic.tls.contexts import server_context
from tests.shims.conftest import Tell
from tests.support.certificates import Hierarchy, hierarchy

WHO = ArmTokenAuthentication("the-token")
COMPANY, OTHERS = hierarchy(name="Company"), hierarchy(name="Others")


@dataclass
class Web:
    """An HTTP server on loopback: what it answers next, and what it was sent."""

    address: str
    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    seen: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)


def served(credential: Credential | None = None) -> tuple[HTTPServer, Web]:
    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            headers = {key.lower(): value for key, value in self.headers.items()}
            made.seen.append((self.command, self.path, headers, self.rfile.read(length)))
            status, more, body = made.answers.pop(0) if made.answers else (200, {}, b"{}")
            self.send_response(status)
            for name, value in {**more, "content-length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = handle_any  # noqa: N815  # the server's names

        def log_message(self, *_told: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    made = Web(f"http://127.0.0.1:{server.server_port}")
    if credential is not None:
        made.address = f"https://localhost:{server.server_port}"
        context = server_context(credential)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    return server, made


@pytest.fixture
def web() -> Iterator[Web]:
    server, web = served()
    yield web
    server.shutdown()
    server.server_close()


@pytest.fixture
def other() -> Iterator[Web]:
    server, web = served()
    yield web
    server.shutdown()
    server.server_close()


@pytest.fixture
def node(web: Web, tell: Tell) -> Node:
    tell(ARM_CLOUD_METADATA_URL=f"{web.address}/metadata/endpoints")
    return Node(WHO)


def once(node: Node) -> Node:
    """Return *node*, which asks nothing again."""
    for session in (node._http, node._callers):
        session.get_adapter("https://").max_retries = Retry(0, read=False)  # type: ignore[attr-defined]
    return node


def answer(status: int, body: Any = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return status, told, b"" if body is None else json.dumps(body).encode()


def test_what_is_asked_shows_the_token(node: Node, web: Web) -> None:
    web.answers.append(answer(200, {"value": 1}))
    assert node.ask("POST", "/path?a=b", {"c": "d"}).body == {"value": 1}
    method, path, headers, body = web.seen[0]
    assert (method, path, json.loads(body)) == ("POST", "/path?a=b", {"c": "d"})
    assert headers["authorization"] == "Bearer the-token"


def test_a_file_of_passwords_does_not_stand_in_for_it(node: Node, web: Web, tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login eve password secret\n")
    node.ask("GET", "/path")
    node.call(f"{web.address}/score", b"{}", {})
    assert web.seen[0][2]["authorization"] == "Bearer the-token"
    assert "authorization" not in web.seen[1][2]


def test_a_redirect_is_not_followed(node: Node, web: Web, other: Web) -> None:
    web.answers += [answer(307, None, location=f"{other.address}/path")] * 2
    with pytest.raises(Refused):
        node.ask("POST", "/path", {"secret": 1})
    called = node.call(f"{web.address}/score", b"secret", {"authorization": "Bearer key"})
    assert called.status_code == 307
    assert other.seen == []


def test_an_operation_elsewhere_is_asked_for_at_the_node(node: Node, web: Web, other: Web) -> None:
    web.answers.append(answer(201, {}, azure_asyncoperation=f"{other.address}/operation?a=b"))
    begun = node.ask("PUT", "/path", {})
    assert begun.operation == "/operation?a=b"
    node.ask("GET", begun.operation)
    assert web.seen[-1][1] == "/operation?a=b"
    assert other.seen == []


def test_files_go_to_the_node_by_its_other_name_and_without_the_token(
    node: Node, web: Web, other: Web, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"content")
    with (tmp_path / "file").open("rb") as content:
        node.send_file(f"{other.address}/place/file?sig=1", content)
    web.answers.append((200, {}, b"received"))
    node.fetch_file(f"{other.address}/place/file?sig=2", tmp_path / "received")
    assert [one[:2] for one in web.seen] == [
        ("PUT", "/place/file?sig=1"),
        ("GET", "/place/file?sig=2"),
    ]
    assert web.seen[0][2]["host"] == other.address.removeprefix("http://")
    assert web.seen[0][3] == b"content"
    assert all("authorization" not in one[2] for one in web.seen)
    assert (tmp_path / "received").read_bytes() == b"received"
    assert other.seen == []


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"code": "Taken", "message": "It is taken.", "details": []}},
        {"code": "Taken", "statusCode": 409, "message": "It is taken.", "details": []},
    ],
    ids=["resource manager", "model management"],
)
def test_a_refusal_is_told_in_a_sentence(node: Node, web: Web, body: object) -> None:
    web.answers.append(answer(409, body))
    with pytest.raises(Refused) as refused:
        node.ask("GET", "/path")
    made = refusal(refused.value, WebserviceException, "the node")
    assert isinstance(made, WebserviceException)
    assert made.status_code == 409
    assert "Response Code: 409\nTaken: It is taken." in made.message


def test_what_is_busy_is_asked_again(node: Node, web: Web) -> None:
    web.answers += [answer(503), answer(200, {"value": 1})]
    assert node.ask("POST", "/path", {}).body == {"value": 1}
    assert len(web.seen) == 2


def test_what_broke_is_not_done_twice(node: Node, web: Web) -> None:
    web.answers += [answer(500, {"error": {"code": "C", "message": "M"}})]
    with pytest.raises(Refused):
        node.ask("POST", "/path", {})
    assert len(web.seen) == 1


def test_who_is_unknown_is_told_how_to_become_known(node: Node, web: Web) -> None:
    web.answers.append(answer(401, {"error": {"code": "C", "message": "Who are you?"}}))
    with pytest.raises(AuthenticationException, match="hermetic login"):
        node.ask("GET", "/path")


def test_what_is_no_node_is_said_to_be_none(node: Node, web: Web) -> None:
    web.answers.append((200, {}, b"<html>"))
    with pytest.raises(ProjectSystemException, match="no node of Hermetic"):
        node.ask("GET", "/path")


def test_nobody_logged_in_is_told_so() -> None:
    with pytest.raises(AuthenticationException, match="hermetic login"):
        Node(WHO)


def test_a_token_never_stands_in_what_is_told(node: Node, web: Web) -> None:
    web.answers.append(answer(400, {"error": {"code": "C", "message": "M"}}))
    with pytest.raises(Refused) as refused:
        node.ask("GET", "/path")
    assert "the-token" not in str(refusal(refused.value, WebserviceException, "the node"))


@pytest.fixture
def sealed() -> Iterator[Web]:
    """A server whose certificate the company issued."""
    server, web = served(COMPANY.issue("localhost"))
    yield web
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(("believed", "reached"), [(COMPANY, True), (OTHERS, False)])
def test_the_node_is_whom_the_login_believed_and_nobody_else(
    sealed: Web, tell: Tell, tmp_path: Path, believed: Hierarchy, reached: bool
) -> None:
    ca, system = tmp_path / "ca.pem", tmp_path / "system.pem"
    ca.write_bytes(believed.root_pem)
    system.write_bytes(COMPANY.root_pem)
    tell(HERMETIC_URL=sealed.address, HERMETIC_CA=str(ca))
    tell(SSL_CERT_FILE=str(system), REQUESTS_CA_BUNDLE=str(system))
    node = once(Node(WHO))
    if reached:
        assert node.ask("GET", "/path").body == {}
    else:
        with pytest.raises(ProjectSystemException, match="certificate"):
            node.ask("GET", "/path")
    assert bool(sealed.seen) is reached
    # Services may present what others certified.
    assert node.call(f"{sealed.address}/score", b"{}", {}).status_code == 200


def test_a_service_that_nobody_vouches_for_is_not_called(sealed: Web, node: Node) -> None:
    with pytest.raises(requests.exceptions.SSLError):
        once(node).call(f"{sealed.address}/score", b"{}", {"authorization": "Bearer key"})
    assert sealed.seen == []


def test_the_secret_of_the_variables_follows_no_redirect(web: Web, other: Web, tell: Tell) -> None:
    tell(MSI_ENDPOINT=f"{web.address}/msi/token", MSI_SECRET="the-secret")
    web.answers.append(answer(307, None, location=f"{other.address}/msi/token"))
    with pytest.raises(AuthenticationException, match="307"):
        MsiAuthentication().get_authentication_header()
    assert web.seen[0][2]["secret"] == "the-secret"
    assert other.seen == []


def test_a_token_is_asked_for_once(web: Web, tell: Tell) -> None:
    tell(MSI_ENDPOINT=f"{web.address}/msi/token", MSI_SECRET="the-secret")
    web.answers.append(answer(200, {"access_token": "t", "expires_on": "99999999999"}))
    who = MsiAuthentication()
    for _ in range(3):
        assert who.get_authentication_header() == {"Authorization": "Bearer t"}
    assert len(web.seen) == 1


def test_an_operation_is_waited_for_and_each_line_shown_once(node: Node, web: Web) -> None:
    log = "20260101000000|one#20260101000001|two#"
    web.answers.append(answer(200, {"state": "Running", "streamingOperationLog": log}))
    web.answers.append(answer(200, {"state": "Succeeded", "streamingOperationLog": log}))
    shown: list[str] = []
    done = ended(node, "/operation", show=shown.append)
    assert done is not None
    assert done["state"] == "Succeeded"
    assert shown == ["one", "two"]


def test_who_waits_no_longer_is_told_that_it_goes_on(node: Node, web: Web) -> None:
    web.answers.append(answer(200, {"status": "InProgress"}))
    assert ended(node, "/operation", within_s=-1) is None
    assert len(web.seen) == 1
