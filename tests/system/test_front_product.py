"""The product behind nginx, set up by its own command: every hop sealed, every client known."""

import hashlib
import json
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import httpx2
import pytest

from hermetic.certificates.names import ServerName
from hermetic.cli import main
from hermetic.fronts.front import Front, Role, Upstream
from tests.support import product as products
from tests.support.calling import call, publish
from tests.support.certificates import hierarchy
from tests.support.fronts import Desk, Fronted
from tests.support.nginx import free_port, needs_nginx, running
from tests.support.product import PASSWORD, Product, environment
from tests.support.sslyze import judge

pytestmark = [pytest.mark.slow, pytest.mark.system, needs_nginx]


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    home = tmp_path_factory.mktemp("behind") / "home"
    home.mkdir(mode=0o700)
    settings = {"Proxies": {"Trusted": ["127.0.0.1"]}}
    (home / "appsettings.json").write_text(json.dumps(settings))
    product = products.start(home)
    yield product
    assert product.stop() == 0


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path, hierarchy())


def written(desk: Desk, box: Product, *options: str, port: int) -> str:
    """Return what the command writes for a front of the box."""
    files, out = desk.files(), desk.folder / "written.conf"
    command = ["frontend", "config", "nginx", "--role", "web", "--server-name", "localhost"]
    paths = ["--certificate", files.certificate, "--key", files.key, "--access-log"]
    nodes = ["--upstream", box.url.replace("localhost", "127.0.0.1"), "--upstream-ca", str(box.ca)]
    where = ["--listen", "127.0.0.1", "--port", str(port), "--out", str(out)]
    assert main.run([*command, *paths, files.access_log, *nodes, *where, *options]) == 0
    return out.read_text()


@pytest.fixture
def front(desk: Desk, box: Product) -> Iterator[Fronted]:
    port = free_port()
    as_written = Front(
        Role.WEB,
        (ServerName.parse("localhost"),),
        Upstream.parse([box.url], None, Role.WEB),
        addresses=(ip_address("127.0.0.1"),),
        port=port,
    )
    with running(desk.folder, written(desk, box, port=port), port) as nginx:
        yield Fronted(desk, nginx, as_written)


def hermetic(front: Fronted, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a user of the front would."""
    home = str(front.desk.folder / "home")
    return subprocess.run(
        [sys.executable, "-m", "hermetic.cli.main", *arguments],
        env=environment(HERMETIC_HOME=home, PATH=os.environ["PATH"], **more),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_service_is_published_and_called_through_the_front(front: Fronted, box: Product) -> None:
    with front.client(token=box.token()) as http:
        body = {"username": "admin", "password": PASSWORD}
        assert http.post("/login", json=body).status_code == 200
        code = "total = a + b"
        made = publish(
            http, "sum", code, inputs={"a": "numeric", "b": "numeric"}, outputs={"total": "numeric"}
        )
        assert made.status_code == 201
        assert call(http, "sum", a=2, b=3)["outputParameters"] == {"total": 5}
        answer = http.post("/api/sum/1", json={"a": 2, "b": 3})
    assert answer.headers.get_list("strict-transport-security") == ["max-age=63072000"]


def test_the_command_logs_in_and_lists_through_the_front(front: Fronted) -> None:
    url = f"https://localhost:{front.front.port}"
    done = hermetic(front, "login", url, "--ca", front.desk.ca, HERMETIC_PASSWORD=PASSWORD)
    assert done.returncode == 0, done.stderr
    assert hermetic(front, "service", "list").returncode == 0
    foreign = front.desk.write("foreign.pem", hierarchy(name="Foreign").root_pem)
    refused = hermetic(front, "login", url, "--ca", foreign, HERMETIC_PASSWORD=PASSWORD)
    assert refused.returncode == 77


def test_errors_come_through_as_the_node_tells_them(front: Fronted) -> None:
    with front.client() as http:
        answer = http.get("/services")
        problem = answer.json()
        missing = http.get("/nothing", headers={"authorization": "Bearer wrong"})
    assert (answer.status_code, problem["type"]) == (401, "/problems/unauthenticated")
    assert answer.headers["content-type"] == "application/problem+json"
    assert missing.status_code == 401


def test_tens_of_megabytes_pass_in_both_directions(front: Fronted, box: Product) -> None:
    content = os.urandom(1024 * 1024) * 40
    with front.client(token=box.token()) as http:
        session = http.post("/sessions", json={"runtimeType": "Python"}).json()["sessionId"]
        sent = http.post(f"/sessions/{session}/files", files={"file": ("big.bin", content)})
        assert sent.status_code < 300, sent.text
        back = http.get(f"/sessions/{session}/files/big.bin").content
        http.delete(f"/sessions/{session}")
    assert hashlib.sha256(back).digest() == hashlib.sha256(content).digest()


def test_the_node_logs_the_client_and_not_the_proxy(front: Fronted, box: Product) -> None:
    right = {"username": "admin", "password": PASSWORD}
    before = len(box.log)
    forged = {"x-forwarded-for": "198.51.100.1", "forwarded": "for=198.51.100.2"}
    with front.client(source="127.0.0.9") as http:
        assert http.post("/login", json=right, headers=forged).status_code == 200
    (line,) = [one for one in box.log[before:].splitlines() if "login.succeeded" in one]
    assert json.loads(line)["peer"] == "127.0.0.9"


def test_whoever_passes_the_front_by_is_not_believed(box: Product) -> None:
    right = {"username": "admin", "password": PASSWORD}
    before = len(box.log)
    context = ssl.create_default_context(cafile=str(box.ca))
    direct = httpx2.HTTPTransport(verify=context, local_address="127.0.0.8")
    with httpx2.Client(transport=direct) as http:
        url = f"https://127.0.0.1:{box.port}/login"
        http.post(url, json=right, headers={"x-forwarded-for": "198.51.100.1"}).raise_for_status()
    (line,) = [one for one in box.log[before:].splitlines() if "login.succeeded" in one]
    assert json.loads(line)["peer"] == "127.0.0.8"


def test_a_wrong_authority_or_a_wrong_name_of_the_node_is_a_bad_gateway(
    desk: Desk, box: Product
) -> None:
    foreign = desk.write("foreign.pem", hierarchy(name="Foreign").root_pem)
    for options in (["--upstream-ca", foreign], ["--upstream-name", "elsewhere.example"]):
        port = free_port()
        with running(desk.folder, written(desk, box, *options, port=port), port) as nginx:
            done = subprocess.run(
                ["curl", "-s", "--cacert", desk.ca, f"https://localhost:{port}/livez"],
                capture_output=True,
                text=True,
                check=True,
            )
            assert "502 Bad Gateway" in done.stdout
            assert "SSL" in nginx.errors


@pytest.mark.parametrize("profile", ["modern", "intermediate"])
async def test_a_judge_from_outside_finds_the_profile_kept(
    desk: Desk, box: Product, profile: str
) -> None:
    port = free_port()
    text = written(desk, box, "--profile", profile, port=port)
    with running(desk.folder, text, port):
        verdict = await judge(port, profile, Path(desk.ca))
    assert verdict.compliant, verdict.text
