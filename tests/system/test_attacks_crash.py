"""A node that is killed in the middle of things: what it acknowledged is there when it returns."""

import threading
from contextlib import suppress
from pathlib import Path

import httpx2
import pytest

from hermetic.certstore.files import FileStore
from tests.support import product as products
from tests.support.calling import call, publish
from tests.support.product import Product, until

pytestmark = [pytest.mark.slow, pytest.mark.system]

KILLS = 50
_MARK = "86399.5"


class Busy:
    """Publishes, deletes and renews until the node is gone; knows what was acknowledged."""

    def __init__(self, box: Product, published: set[str], deleted: set[str]) -> None:
        self._box, self._published, self._deleted = box, published, deleted
        self.rounds = 0

    def work(self, prefix: str, token: str) -> None:
        with suppress(httpx2.TransportError), self._box.client(token) as http:
            while True:
                self.rounds += 1
                name = f"{prefix}-{self.rounds}"
                if publish(http, name, "r = 1", outputs={"r": "integer"}).status_code == 201:
                    self._published.add(name)
                if self.rounds % 2:
                    # From here on nobody can tell which of the two it is.
                    self._published.discard(name)
                    if http.delete(f"/services/{name}/1").status_code == 200:
                        self._deleted.add(name)
                if self.rounds % 5 == 0:
                    http.post("/certificates/api/renew")


def names_of(box: Product, token: str) -> set[str]:
    with box.client(token) as http:
        return {one["name"] for one in http.get("/services").json()}


def strays(home: Path) -> list[str]:
    """Return the processes that still run with a folder of this home for their own."""
    found = []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if f"HOME={home}/work/".encode() in environ.read_bytes():
                found.append(environ.parent.name)
    return found


def test_whatever_was_acknowledged_survives_fifty_kills(tmp_path: Path) -> None:
    home, published, deleted = tmp_path / "home", set[str](), set[str]()
    for turn in range(KILLS):
        box = products.start(home)
        busy = Busy(box, published, deleted)
        token = box.token()
        found = names_of(box, token)
        assert published <= found
        assert not deleted & found
        thread = threading.Thread(target=busy.work, args=(f"s{turn}", token))
        thread.start()
        until(lambda busy=busy, turn=turn: busy.rounds > 1 + turn % 7)  # type: ignore[misc]
        box.process.kill()
        box.process.wait()
        thread.join()
        until(lambda: not strays(home))
    assert len(published) >= KILLS / 2
    assert (home / "running.json").exists()
    FileStore(home / "certificates").read("api")


def test_programs_of_a_killed_node_are_ended_by_the_next(tmp_path: Path) -> None:
    box = products.start(tmp_path / "home")
    code = f"import subprocess, time\nsubprocess.Popen(['sleep', '{_MARK}'])\ntime.sleep(60)"
    with box.client(box.token()) as http:
        publish(
            http,
            "detaches",
            f"if go:\n    {code.replace(chr(10), chr(10) + '    ')}",
            inputs={"go": "logical"},
        )
        with suppress(httpx2.TimeoutException):
            http.post("/api/detaches/1", json={"go": True}, timeout=1)
    box.process.kill()
    box.process.wait()
    again = products.start(tmp_path / "home")
    assert _MARK not in commands()
    with again.client(again.token()) as http:
        assert call(http, "detaches", go=False)["success"]
    assert again.stop() == 0


def commands() -> str:
    """Return the arguments of all processes."""
    told = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            told.append(path.read_bytes().decode("utf-8", "replace"))
    return "\n".join(told)
