"""nginx as we configure it, between real clients and a recorder that says what got through."""

import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from hermetic.fronts.fields import IDENTITY, ORIGIN
from hermetic.fronts.front import Profile, Role
from tests.support.certificates import Hierarchy, hierarchy
from tests.support.fronts import Desk, Fronted, fronting
from tests.support.nginx import free_port, needs_nginx
from tests.support.product import environment, until
from tests.support.recorder import Recorder, recording

pytestmark = [pytest.mark.slow, pytest.mark.system, needs_nginx]


@pytest.fixture(scope="module")
def authority() -> Hierarchy:
    return hierarchy()


@pytest.fixture
def desk(tmp_path: Path, authority: Hierarchy) -> Desk:
    return Desk(tmp_path, authority)


@pytest.fixture
def node(desk: Desk) -> Iterator[Recorder]:
    with recording(desk.server_context("localhost")) as recorder:
        yield recorder


@pytest.fixture
def front(desk: Desk, node: Recorder) -> Iterator[Fronted]:
    with fronting(desk, f"https://127.0.0.1:{node.port}") as running:
        yield running


def curl(front: Fronted, *options: str, url: str) -> subprocess.CompletedProcess[str]:
    """Run curl as a user would."""
    command = ["curl", "--silent", "--show-error", "--max-time", "20", "--cacert", front.desk.ca]
    return subprocess.run(
        [*command, *options, url], check=False, capture_output=True, text=True, env=environment()
    )


def test_a_request_gets_through_and_its_answer_back(front: Fronted, node: Recorder) -> None:
    with front.client() as client:
        answer = client.post("/api/x/1?a=%2F&b", content=b'{"x": 1}')
    assert (answer.status_code, answer.text) == (200, "ok")
    assert answer.headers.get_list("strict-transport-security") == ["max-age=63072000"]
    assert (node.last.method, node.last.path) == ("POST", "/api/x/1?a=%2F&b")
    assert node.last.body_bytes == 8


def test_connections_to_the_node_are_kept(front: Fronted, node: Recorder) -> None:
    for _ in range(5):
        with front.client() as client:
            assert client.get("/").status_code == 200
    assert len(node.requests) == 5
    assert node.connections == 1


@pytest.mark.parametrize("names", [("elsewhere.example",), ("127.0.0.1",)])
def test_a_node_of_another_name_gets_nothing(desk: Desk, names: tuple[str, ...]) -> None:
    with (
        recording(desk.server_context(*names)) as node,
        fronting(desk, f"https://127.0.0.1:{node.port}") as front,
        front.client() as client,
    ):
        assert client.post("/", content=b"secret").status_code == 502
        assert node.requests == []
        assert "does not match" in front.nginx.errors


def test_a_node_of_another_authority_gets_nothing(desk: Desk, node: Recorder) -> None:
    other = desk.write("other.pem", hierarchy().root_pem)
    files = replace(desk.files(), upstream_ca=other)
    with (
        fronting(desk, f"https://127.0.0.1:{node.port}", files=files) as front,
        front.client() as client,
    ):
        assert client.post("/", content=b"secret").status_code == 502
        assert node.requests == []
        assert "certificate verify error" in front.nginx.errors


def test_a_node_that_speaks_plain_http_gets_nothing(desk: Desk) -> None:
    with (
        recording() as node,
        fronting(desk, f"https://127.0.0.1:{node.port}") as front,
        front.client() as client,
    ):
        assert client.post("/", content=b"secret").status_code == 502
    assert node.requests == []


def test_plain_http_to_a_node_on_this_machine_works_if_asked_for(desk: Desk) -> None:
    with (
        recording() as node,
        fronting(desk, f"http://127.0.0.1:{node.port}") as front,
        front.client() as client,
    ):
        assert client.get("/").status_code == 200
    assert node.last.fields["x-forwarded-proto"] == "https"


def test_a_compute_node_is_shown_the_certificate_of_the_front(desk: Desk) -> None:
    certificate, key = desk.client()
    files = desk.files()
    files = replace(files, upstream_certificate=certificate, upstream_key=key, client_ca=desk.ca)
    with (
        recording(desk.server_context("localhost", demanding=True)) as node,
        fronting(
            desk,
            f"https://127.0.0.1:{node.port}",
            files=files,
            role=Role.COMPUTE,
            profile=Profile.MODERN,
        ) as front,
        front.client(desk.client()) as client,
    ):
        assert client.get("/").status_code == 200
    assert ("DNS", "client.test") in node.last.peer["subjectAltName"]


def test_a_compute_node_that_demands_one_refuses_a_front_without(desk: Desk) -> None:
    with (
        recording(desk.server_context("localhost", demanding=True)) as node,
        fronting(desk, f"https://127.0.0.1:{node.port}", role=Role.COMPUTE) as front,
        front.client() as client,
    ):
        assert client.get("/").status_code == 502
        # The alert, if it comes before the end of the connection that follows it.
        told = front.nginx.errors
        assert any(word in told for word in ("certificate required", "reset by peer", "closed"))
    assert node.requests == []


@pytest.fixture
def demanding(desk: Desk, node: Recorder) -> Iterator[Fronted]:
    files = replace(desk.files(), client_ca=desk.ca)
    with fronting(desk, f"https://127.0.0.1:{node.port}", files=files) as running:
        yield running


def test_a_demanded_certificate_lets_in(demanding: Fronted, node: Recorder) -> None:
    with demanding.client(demanding.desk.client()) as client:
        assert client.get("/").status_code == 200
    assert len(node.requests) == 1


@pytest.mark.parametrize("shown", ["none", "a foreign one", "a server's"])
def test_without_the_demanded_certificate_nobody_gets_in(
    demanding: Fronted, node: Recorder, shown: str
) -> None:
    desk, pair = demanding.desk, None
    if shown == "a foreign one":
        pair = desk.client(hierarchy(name="Foreign"))
    elif shown == "a server's":
        pair = desk.pair("server", desk.authority.issue("localhost"))
    with demanding.client(pair) as client:
        assert client.get("/").status_code == 400
    assert node.requests == []


def test_a_session_is_not_resumed_where_certificates_are_demanded(demanding: Fronted) -> None:
    context = demanding.context(demanding.desk.client())
    port, reused, session = demanding.front.port, [], None
    for _ in range(2):
        with (
            socket.create_connection(("127.0.0.1", port)) as raw,
            context.wrap_socket(raw, server_hostname="localhost", session=session) as tls,
        ):
            tls.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert tls.recv(100).startswith(b"HTTP/1.1 200")
            reused.append(tls.session_reused)
            session = tls.session
    assert reused == [False, False]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_plain_http_is_redirected_with_method_and_body(
    desk: Desk, node: Recorder, method: str
) -> None:
    with fronting(desk, f"https://127.0.0.1:{node.port}", redirects=True) as front:
        url = f"http://localhost:{front.front.redirect_from}/api/x/1?a=b"
        done = curl(front, "-X", method, "-L", "-d", '{"x": 1}', "-w", "%{num_redirects}", url=url)
        asked = httpx2.request(method, url, content=b"{}", trust_env=False)
    assert done.stdout == "ok1", done.stderr
    assert (node.last.method, node.last.path) == (method, "/api/x/1?a=b")
    assert node.last.body_bytes == 8
    assert asked.status_code == 308
    assert "strict-transport-security" not in asked.headers


def test_without_a_redirect_plain_http_is_not_answered(front: Fronted, node: Recorder) -> None:
    answer = httpx2.get(f"http://localhost:{front.front.port}/", trust_env=False)
    assert answer.status_code == 400
    assert node.requests == []


@pytest.mark.parametrize("host", ["elsewhere.example", "localhost.evil.example", "xlocalhost"])
def test_a_request_for_somebody_else_is_not_answered(
    front: Fronted, node: Recorder, host: str
) -> None:
    with front.client() as client:
        assert client.get("/", headers={"host": host}).status_code == 421
    assert node.requests == []


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "[::1]"])
def test_each_of_its_names_is_answered_and_told_to_the_node(
    front: Fronted, node: Recorder, host: str
) -> None:
    with front.client() as client:
        answer = client.get("/", headers={"host": f"{host}:{front.front.port}"})
    assert answer.status_code == 200
    assert node.last.fields["host"] == f"{host.lower()}:{front.front.port}"


def test_no_claim_from_outside_reaches_the_node(front: Fronted, node: Recorder) -> None:
    claims = dict.fromkeys((*ORIGIN, *IDENTITY), "192.0.2.7")
    spelled = claims | {name.replace("-", "_"): "x" for name in claims}
    with front.client() as client:
        assert client.get("/", headers=spelled).status_code == 200
    arrived = {name: node.last.fields[name] for name in node.last.fields if name in spelled}
    assert arrived == {
        "x-forwarded-for": "127.0.0.1",
        "x-forwarded-proto": "https",
        "x-forwarded-host": f"localhost:{front.front.port}",
    }


def test_a_proxy_before_it_is_believed_only_if_named(desk: Desk, node: Recorder) -> None:
    named = fronting(desk, f"https://127.0.0.1:{node.port}", proxies=("127.0.0.2/32",))
    with named as front:
        for source, believed in (("127.0.0.2", "192.0.2.7"), ("127.0.0.3", "127.0.0.3")):
            with front.client(source=source) as client:
                client.get("/", headers={"x-forwarded-for": "198.51.100.1, 192.0.2.7"})
            assert node.last.fields["x-forwarded-for"] == believed


@pytest.mark.parametrize(
    ("method", "size", "times"),
    [("POST", 4, 1), ("POST", 200_000, 1), ("PATCH", 4, 1), ("PATCH", 200_000, 1), ("GET", 0, 2)],
)
def test_what_a_node_may_have_begun_is_not_given_to_another(
    desk: Desk, method: str, size: int, times: int
) -> None:
    context = desk.server_context("localhost")
    with recording(context) as first, recording(context) as second:
        first.answers = second.answers = False
        nodes = [f"https://127.0.0.1:{one.port}" for one in (first, second)]
        with fronting(desk, *nodes) as front, front.client() as client:
            assert client.request(method, "/", content=bytes(size)).status_code == 502
    assert len(first.requests) + len(second.requests) == times


def test_a_node_that_cannot_be_reached_leaves_its_calls_to_the_other(
    desk: Desk, node: Recorder
) -> None:
    nodes = [f"https://127.0.0.1:{port}" for port in (free_port(), node.port)]
    with fronting(desk, *nodes) as front, front.client() as client:
        for _ in range(6):
            assert client.post("/", content=b"x").status_code == 200
    assert len(node.requests) == 6


def test_an_upload_passes_while_it_is_still_being_sent(front: Fronted, node: Recorder) -> None:
    half = 20 * 1024 * 1024
    arrived = threading.Event()

    def pieces() -> Iterator[bytes]:
        for _ in range(half // 65536):
            yield bytes(65536)
        # Had the front kept it back, this would wait for ever.
        arrived.set()
        until(lambda: bool(node.requests) and node.last.body_bytes > half // 2)
        for _ in range(half // 65536):
            yield bytes(65536)

    with front.client() as client:
        fields = {"content-length": str(2 * half)}
        assert client.put("/file", content=pieces(), headers=fields).status_code == 200
    assert arrived.is_set()
    assert node.last.body_bytes == 2 * half
    assert [path for path in front.desk.folder.glob("*/**/*") if path.is_file()] == []


def test_a_body_above_the_limit_is_refused_before_it_is_sent(
    front: Fronted, node: Recorder
) -> None:
    context = front.context()
    with (
        socket.create_connection(("127.0.0.1", front.front.port)) as raw,
        context.wrap_socket(raw, server_hostname="localhost") as tls,
    ):
        tls.sendall(
            b"PUT / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % (2**32 + 1)
        )
        assert tls.recv(100).startswith(b"HTTP/1.1 413")
    assert node.requests == []


@pytest.mark.parametrize(
    ("profile", "versions"),
    [
        (Profile.MODERN, {"TLSv1.3"}),
        (Profile.INTERMEDIATE, {"TLSv1.2", "TLSv1.3"}),
    ],
)
def test_only_the_versions_of_the_profile_are_spoken(
    desk: Desk, node: Recorder, profile: Profile, versions: set[str]
) -> None:
    spoken = set()
    with fronting(desk, f"https://127.0.0.1:{node.port}", profile=profile) as front:
        for flag, version in (
            ("-tls1", "TLSv1"),
            ("-tls1_1", "TLSv1.1"),
            ("-tls1_2", "TLSv1.2"),
            ("-tls1_3", "TLSv1.3"),
        ):
            command = ["openssl", "s_client", "-connect", f"127.0.0.1:{front.front.port}", flag]
            done = subprocess.run(
                [*command, "-CAfile", desk.ca, "-cipher", "ALL:@SECLEVEL=0"],
                check=False,
                capture_output=True,
                text=True,
                input="",
            )
            if "Verify return code: 0 (ok)" in done.stdout and "BEGIN CERT" in done.stdout:
                spoken.add(version)
    assert spoken == versions


def test_neither_log_holds_a_query_or_a_token(desk: Desk) -> None:
    with fronting(desk, f"https://127.0.0.1:{free_port()}") as front:
        with front.client(token="bearer-secret") as client:
            for path in (
                "/login/refreshToken?refreshToken=secret-1",
                "/login/refreshToken/secret-2",
            ):
                assert client.delete(path).status_code == 502
            assert client.get("/login/RefreshTOKEN/secret-3").status_code == 502
            assert client.get("/services", params={"q": "secret-4"}).status_code == 502
        logged = front.nginx.stop()
    access = (desk.folder / "front.access.log").read_text()
    assert '"path":"/login/refreshToken/..."' in access
    assert '"path":"/services"' in access
    assert "secret" not in access
    for secret in ("secret-1", "secret-2", "secret-3", "bearer-secret"):
        assert secret not in logged


def test_a_foreign_authority_does_not_vouch_for_the_front(front: Fronted) -> None:
    with pytest.raises(httpx2.ConnectError) as refused:
        httpx2.get(
            f"https://localhost:{front.front.port}/",
            verify=ssl.create_default_context(),
            trust_env=False,
        )
    assert "CERTIFICATE_VERIFY_FAILED" in str(refused.value)
