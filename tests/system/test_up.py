"""`hermetic up`: the first start, the later ones, and each way in which it cannot start."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from hermetic.compute.descendants import children
from tests.support import product as products
from tests.support.calling import call, publish
from tests.support.product import PASSWORD, Product, until

pytestmark = [pytest.mark.slow, pytest.mark.system]
UP = [sys.executable, "-m", "hermetic.cli.main", "up", "--port", "0"]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def box(home: Path) -> Iterator[Product]:
    product = products.start(home)
    yield product
    product.process.kill()
    product.process.wait()


def refused(*options: str, prefix: tuple[str, ...] = ()) -> tuple[int, str]:
    """Run `hermetic up` where it cannot start; return its exit status and its sentence."""
    done = subprocess.run(
        [*prefix, *UP, *options],
        env=products.environment(HERMETIC_ADMIN_PASSWORD=PASSWORD),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    sentences = [line for line in done.stderr.splitlines() if not line.startswith("{")]
    return done.returncode, "\n".join(sentences)


def tree(home: Path) -> dict[str, int]:
    """Return the mode of everything in *home* that can be seen now."""
    modes = {}
    for folder, _, files in os.walk(home):
        for path in (Path(folder), *(Path(folder, name) for name in files)):
            try:
                found = path.lstat()
            except FileNotFoundError:
                continue
            if not stat.S_ISLNK(found.st_mode):
                modes[str(path.relative_to(home))] = stat.S_IMODE(found.st_mode)
    return modes


def test_nothing_in_a_new_home_is_ever_open_to_others(home: Path) -> None:
    seen: dict[str, int] = {}
    ready = threading.Event()

    def look() -> None:
        while not ready.is_set():
            for path, mode in tree(home).items():
                seen[path] = seen.get(path, 0) | mode

    watcher = threading.Thread(target=look)
    watcher.start()
    before = os.umask(0)
    try:
        box = products.start(home)
    finally:
        os.umask(before)
        ready.set()
        watcher.join()
    assert box.stop() == 0
    keys = [path for path in seen if path.endswith(".key")]
    assert len(keys) >= 4
    public = {"ca.pem"}
    assert {p: oct(m) for p, m in seen.items() if m & 0o077 and p not in public} == {}


def test_a_later_start_reuses_everything(box: Product, home: Path) -> None:
    root = box.ca.read_bytes()
    with box.client(box.token()) as http:
        assert publish(http, "kept", "a = 3", outputs={"a": "integer"}).status_code == 201
    assert box.stop() == 0
    again = products.start(home, password=None)
    with again.client(again.token()) as http:
        assert call(http, "kept")["outputParameters"] == {"a": 3}
    assert again.ca.read_bytes() == root
    assert again.stop() == 0


def test_what_was_acknowledged_survives_kill_9(box: Product, home: Path) -> None:
    with box.client(box.token()) as http:
        assert publish(http, "kept", "a = 4", outputs={"a": "integer"}).status_code == 201
    box.stop(how=signal.SIGKILL)
    again = products.start(home)
    with again.client(again.token()) as http:
        assert call(http, "kept")["outputParameters"] == {"a": 4}
    assert again.stop() == 0


def test_no_worker_outlives_a_killed_node(box: Product) -> None:
    workers = children(box.process.pid)
    assert workers
    box.stop(how=signal.SIGKILL)
    end = time.monotonic() + 10
    while any(Path(f"/proc/{pid}/exe").exists() for pid in workers):
        assert time.monotonic() < end


def test_a_generated_password_is_shown_once_and_works(home: Path) -> None:
    first = products.start(home, password=None)
    shown = first.ready["password"]
    with first.client() as http:
        answer = http.post("/login", json={"username": "admin", "password": shown})
    assert answer.status_code == 200
    assert first.stop() == 0
    again = products.start(home, password=None)
    assert "password" not in again.ready
    assert again.stop() == 0
    for path in (home.parent / "home.stderr", *home.rglob("*")):
        assert not path.is_file() or shown.encode() not in path.read_bytes()


def test_a_warm_start_is_ready_within_two_seconds(
    box: Product, home: Path, show: Callable[[str], None]
) -> None:
    assert box.stop() == 0
    start = time.monotonic()
    again = products.start(home)
    show(f"warm start: ready after {time.monotonic() - start:.2f} s (goal 2 s)")
    assert again.stop() == 0


def test_a_second_instance_in_the_same_home_is_refused(box: Product, home: Path) -> None:
    status, sentence = refused("--home", str(home))
    assert status == 75
    assert str(box.process.pid) in sentence


def test_a_taken_port_is_refused(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        status, sentence = refused("--home", str(home), "--port", str(port))
    assert status == 69
    assert str(port) in sentence


def test_a_key_that_cannot_be_read_is_refused_with_the_remedy(box: Product, home: Path) -> None:
    assert box.stop() == 0
    key = next((home / "certificates").rglob("api/current")) / "tls.key"
    key.chmod(0)
    drop = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search,-fowner")
    as_root = os.geteuid() == 0
    status, sentence = refused("--home", str(home), prefix=drop if as_root else ())
    assert status == 78
    assert "chmod" in sentence or "chown" in sentence


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
def test_a_full_disk_is_refused_in_one_sentence(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    command = f'mount -t tmpfs -o size=48k tmpfs "{disk}" && exec "$@"'
    prefix = ("unshare", "--mount", "sh", "-c", command, "sh")
    status, sentence = refused("--home", str(disk / "home"), prefix=prefix)
    assert status == 75
    assert "full" in sentence or "space" in sentence


@pytest.mark.parametrize("option", ["--plain-http"])
def test_plain_http_beyond_this_machine_is_refused(home: Path, option: str) -> None:
    status, sentence = refused("--home", str(home), "--host", "0.0.0.0", option)
    assert status in {77, 78}
    assert "HTTP" in sentence


@pytest.mark.parametrize("password", ["short1!", "nouppercase1!", "NoDigitsHere!", "No0Symbols00"])
def test_a_password_against_the_policy_is_refused(home: Path, password: str) -> None:
    status, sentence = refused("--home", str(home), "--admin-password", password)
    assert status in {65, 78}
    assert password not in sentence


def test_the_password_is_in_no_process_list_and_no_environment(home: Path) -> None:
    box = products.start(home, "--admin-password", "Other-Pass-1", password=PASSWORD)
    for name in ("cmdline", "environ"):
        seen = Path(f"/proc/{box.process.pid}/{name}").read_bytes()
        assert b"Other-Pass-1" not in seen
        assert PASSWORD.encode() not in seen
    assert box.stop() == 0


def test_a_stop_finishes_the_calls_it_has_accepted(box: Product) -> None:
    slow = "import time\ntime.sleep(2)\na = 1"
    with box.client(box.token()) as http, ThreadPoolExecutor(1) as pool:
        assert publish(http, "slow", slow, outputs={"a": "integer"}).status_code == 201
        waiting = pool.submit(call, http, "slow")
        with box.client() as other:
            until(lambda: b"hermetic_workers" in busy(other, box))
        box.process.send_signal(signal.SIGTERM)
        assert waiting.result(timeout=20)["outputParameters"] == {"a": 1}
    assert box.process.wait(timeout=20) == 0


def busy(http: httpx2.Client, box: Product) -> bytes:
    """Return the metrics line that says a worker is busy, or nothing."""
    text = http.get("/metrics", headers={"authorization": f"Bearer {box.token()}"}).content
    lines = [line for line in text.splitlines() if b'hermetic_workers{state="busy"}' in line]
    return b"\n".join(line for line in lines if not line.endswith(b" 0.0"))


def test_without_workers_the_node_is_unready_and_calls_are_refused_at_once(box: Product) -> None:
    with box.client(box.token()) as http:
        assert publish(http, "one", "a = 1", outputs={"a": "integer"}).status_code == 201
        assert http.get("/readyz").status_code == 200
        # No descriptors are left for a new worker's socket: none can be started.
        open_now = len(list(Path(f"/proc/{box.process.pid}/fd").iterdir()))
        limit = f"--nofile={max(3, open_now // 2)}:{1 << 12}"
        subprocess.run(["prlimit", "--pid", str(box.process.pid), limit], check=True)
        for pid in children(box.process.pid):
            os.kill(pid, signal.SIGKILL)
        until(lambda: http.get("/readyz").status_code == 503, within_s=10)
        refusal = http.post("/api/one/1", json={})
    assert refusal.status_code == 503
    assert json.loads(refusal.text)["detail"]
