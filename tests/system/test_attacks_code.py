"""Code of a service that is out to harm the node: the node does not even notice."""

import os
import resource
import socket
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from hermetic.compute import seccomp
from tests.support import product as products
from tests.support.calling import call, publish
from tests.support.product import Product, until

pytestmark = [pytest.mark.slow, pytest.mark.system]

needs_seccomp = pytest.mark.skipif(
    not seccomp.is_available(), reason="this kernel does not filter system calls"
)
LIMITS = ("--call-deadline", "3", "--worker-memory", "1GiB")
TEXT = {"r": "character"}


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    product = products.start(tmp_path_factory.mktemp("code") / "home", *LIMITS)
    yield product
    assert product.stop() == 0
    assert "Traceback" not in product.log


@pytest.fixture
def http(box: Product) -> Iterator[httpx2.Client]:
    with box.client(box.token()) as client:
        yield client
        assert client.get("/readyz").status_code == 200


def attempt(http: httpx2.Client, name: str, what: str) -> str:
    """Let a service evaluate *what*; return its value, or the name of what it raised."""
    code = (
        "import os, resource, socket, sys\ntry:\n"
        f"    r = str({what})\nexcept OSError as error:\n    r = type(error).__name__\n"
    )
    assert publish(http, name, code, outputs=TEXT).status_code == 201
    return str(call(http, name)["outputParameters"]["r"])


def session(http: httpx2.Client, code: str, *outputs: str) -> dict[str, object]:
    """Run *code* in a session of its own and return its outputs."""
    opened = http.post("/sessions", json={"runtimeType": "Python"}).json()["sessionId"]
    body = {"code": code, "outputParameters": list(outputs)}
    answer = http.post(f"/sessions/{opened}/execute", json=body).json()
    http.delete(f"/sessions/{opened}")
    assert answer["success"], answer["errorMessage"]
    return {one["name"]: one["value"] for one in answer["outputParameters"]}


def modes(home: Path) -> dict[str, int]:
    """Return the mode of everything private in *home*; workers' folders may go meanwhile."""
    keys = [Path(place, "tls.key") for place, _, names in os.walk(home) if "tls.key" in names]
    assert keys
    found = [home, home / "hermetic.sqlite3", *keys]
    return {str(path): stat.S_IMODE(path.stat().st_mode) for path in found}


@needs_seccomp
def test_code_cannot_open_the_home_to_others(http: httpx2.Client, box: Product) -> None:
    before = modes(box.home)
    loop = f"[os.chmod(path, 0o777) for path in {list(before)!r}]"
    attempt(http, "opens", loop)
    session(http, f"import os; {loop}")
    assert modes(box.home) == before
    assert not any(mode & 0o077 for mode in before.values())


@needs_seccomp
def test_code_cannot_end_the_node_by_a_limit(http: httpx2.Client, box: Product) -> None:
    before = resource.prlimit(box.process.pid, resource.RLIMIT_CPU)
    what = f"resource.prlimit({box.process.pid}, resource.RLIMIT_CPU, (0, 0))"
    assert attempt(http, "limits", what) == "PermissionError"
    assert resource.prlimit(box.process.pid, resource.RLIMIT_CPU) == before


@needs_seccomp
def test_code_cannot_speak_to_programs_of_the_same_user(
    http: httpx2.Client, tmp_path: Path
) -> None:
    with socket.socket(socket.AF_UNIX) as bus:
        bus.bind(f"{tmp_path}/bus")
        bus.listen()
        what = f"socket.socket(socket.AF_UNIX).connect('{tmp_path}/bus')"
        assert attempt(http, "asks", what) == "PermissionError"


def test_a_session_is_as_confined_as_a_service(http: httpx2.Client, box: Product) -> None:
    code = (
        "import os\nseen = []\n"
        f"for name in ('', 'work', 'sessions', 'authority', 'certificates', 'bundles'):\n"
        f"    try: seen += os.listdir('{box.home}/' + name)\n"
        "    except PermissionError: pass\n"
        f"os.symlink('{box.home}/hermetic.sqlite3', 'leak')\n"
    )
    assert session(http, code, "seen") == {"seen": []}


def test_a_link_in_a_session_leads_nowhere(http: httpx2.Client, box: Product) -> None:
    opened = http.post("/sessions", json={"runtimeType": "Python"}).json()["sessionId"]
    code = f"import os\nos.symlink('{box.home}/hermetic.sqlite3', 'leak')\nos.mkfifo('pipe')"
    http.post(f"/sessions/{opened}/execute", json={"code": code})
    assert http.get(f"/sessions/{opened}/files").json() == []
    for name in ("leak", "pipe"):
        assert http.get(f"/sessions/{opened}/files/{name}").status_code == 404
    http.delete(f"/sessions/{opened}")


@pytest.mark.parametrize("payload", [b"garbage", b"[]", b"\xff" * 100])
def test_frames_that_code_makes_up_end_its_own_worker_only(
    http: httpx2.Client, payload: bytes
) -> None:
    code = (
        "import os, struct\nfd = int(open('/proc/self/cmdline').read().split(chr(0))[-3])\n"
        "if go:\n    for kind in range(1, 20):\n"
        f"        os.write(fd, struct.pack('>IBQ', {len(payload)}, kind, 1) + {payload!r})\n"
        "r = 'done'"
    )
    name = f"lies{len(payload)}"
    assert publish(http, name, code, inputs={"go": "logical"}, outputs=TEXT).status_code == 201
    http.post(f"/api/{name}/1", json={"go": True})
    assert call(http, name, go=False)["outputParameters"] == {"r": "done"}


def test_a_daemon_does_not_outlive_its_call(http: httpx2.Client) -> None:
    code = (
        "import os\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
        "        os.execvp('sleep', ['sleep', '86398.5'])\n    os._exit(0)\nr = 'left'"
    )
    assert publish(http, "daemon", code, outputs=TEXT).status_code == 201
    assert call(http, "daemon")["success"]

    def gone() -> bool:
        found = subprocess.run(["pgrep", "-xf", "sleep 86398.5"], check=False, capture_output=True)
        return found.returncode == 1

    until(gone)


@pytest.mark.parametrize(
    "value",
    [
        "[" * 900 + "]" * 900,
        "[" * 100 + "]" * 100,
        "[1.5," + "9" * 400 + "]",
        '["' + "x" * 1_000_000 + '"' + ',""' * 10_000 + "]",
    ],
    ids=["deep", "dimensions", "number", "memory"],
)
def test_odd_inputs_are_refused_and_end_no_worker(http: httpx2.Client, value: str) -> None:
    code = "import os; r = str(os.getpid())"
    publish(http, "takes", code, inputs={"v": "vector"}, outputs=TEXT)
    before = call(http, "takes", v=[1])
    refused = http.post("/api/takes/1", content=f'{{"v":{value}}}')
    assert refused.status_code == 400
    assert call(http, "takes", v=[1])["outputParameters"] == before["outputParameters"]


@pytest.mark.parametrize("path", ["/login", "/login/refreshToken", "/sessions", "/services/x/1"])
def test_json_nested_without_end_is_refused(http: httpx2.Client, path: str) -> None:
    answer = http.post(path, content=b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}")
    assert answer.status_code == 400
    assert answer.json()["type"].endswith("malformed-body")
