"""A whole site: PostgreSQL, three compute nodes, two web nodes, and nginx before them."""

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx2

from hermetic.certificates.credential import Credential
from hermetic.certificates.roles import Role
from hermetic.certificates.signing import BACKDATE
from hermetic.fronts.files import Files
from tests.support.fronts import Desk, Fronted, fronting
from tests.support.installation import PLACE, Installation, Node
from tests.support.postgresql import Alone

NAME = "web.site.test"
"""The name by which the front knows every web node."""
SCRIPT = """
wrk.method = "POST"
wrk.body = '{"x": 21}'
wrk.headers["content-type"] = "application/json"
wrk.headers["authorization"] = "Bearer " .. os.getenv("SITE_TOKEN")
"""
_UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3}


@dataclass(frozen=True)
class Site:
    """What runs."""

    whole: Installation
    postgresql: Alone
    front: Fronted

    @property
    def url(self) -> str:
        """Where clients find it."""
        return f"https://localhost:{self.front.front.port}"

    def publish(self, node: Node, token: str, name: str, *, idempotent: bool = True) -> int:
        """Publish a service that doubles through *node*; return the status."""
        body = {
            "code": "answer = x * 2",
            "inputParameterDefinitions": [{"name": "x", "type": "numeric"}],
            "outputParameterDefinitions": [{"name": "answer", "type": "numeric"}],
            "runtimeType": "Python",
            "idempotent": idempotent,
        }
        with node.client(token) as client:
            return client.post(f"/services/{name}/1.0", json=body).status_code

    def call(self, node: Node, token: str, name: str = "double") -> httpx2.Response:
        """Call a service through *node*."""
        with node.client(token) as client:
            return client.post(f"/api/{name}/1.0", json={"x": 21})


@dataclass(frozen=True)
class Load:
    """What a load met."""

    rate: float
    p99_ms: float
    failed: int
    told: str


class Driving:
    """wrk, while it drives a service; `result` ends it and says what came of it."""

    def __init__(self, url: str, token: str, *, seconds: int, connections: int = 8) -> None:
        with tempfile.NamedTemporaryFile("w", suffix=".lua", delete=False) as script:
            script.write(SCRIPT)
        self._script = Path(script.name)
        options = ["-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "20s", "--latency"]
        self._process = subprocess.Popen(
            ["wrk", *options, "-s", script.name, f"{url}/api/double/1.0"],
            env={**os.environ, "SITE_TOKEN": token},
            stdout=subprocess.PIPE,
            text=True,
        )

    def result(self) -> Load:
        """Wait until it is over."""
        told, _ = self._process.communicate(timeout=120)
        self._script.unlink()
        assert self._process.returncode == 0, told
        return _read(told)


def _read(told: str) -> Load:
    def number(pattern: str) -> float:
        found = re.search(pattern, told)
        return float(found[1]) if found else 0.0

    p99 = re.search(r"^\s+99%\s+([\d.]+)(us|ms|s)\s*$", told, re.MULTILINE)
    assert p99, told
    failed = number(r"Non-2xx or 3xx responses: (\d+)")
    errors = re.search(
        r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", told
    )
    broken = sum(map(int, errors.groups())) if errors else 0
    rate = number(r"Requests/sec:\s+([\d.]+)")
    return Load(rate, float(p99[1]) * _UNITS[p99[2]], int(failed) + broken, told)


@contextmanager
def running(folder: Path) -> Iterator[Site]:
    """Run a site in *folder* with the service `double` 1.0."""
    postgresql = Alone()
    try:
        with postgresql.cluster.database() as where:
            whole = Installation(folder, where)
            for _ in range(3):
                whole.add_compute({"Pool": {"InitialSize": 1, "MaxSize": 2}})
            for _ in range(2):
                _named(whole, whole.add_web())
            try:
                whole.start()
                with _fronted(whole, folder) as front:
                    site = Site(whole, postgresql, front)
                    assert site.publish(whole.webs[0], whole.webs[0].token(), "double") == 201
                    yield site
            finally:
                whole.stop()
    finally:
        postgresql.remove()


def renewed(whole: Installation, node: Node) -> Credential:
    """Put a fresh certificate of the same names into the store of *node*; return it."""
    (before, *_) = [
        one
        for one in node.stores.credentials(*PLACE)
        if one.chain.subject.startswith(f"CN={node.home.name}")
    ]
    fresh = whole.authority.issue(
        *before.chain.names,
        role=Role.API if node.role == "web" else Role.COMPUTE,
        now=before.chain.not_before + BACKDATE + timedelta(seconds=1),
    )
    node.stores.add(*PLACE, fresh)
    node.stores.remove(*PLACE, before.chain.sha256)
    return fresh


def _named(whole: Installation, node: Node) -> None:
    """Let *node* present a certificate that is for the name the front asks for, too."""
    (plain,) = [
        one
        for one in node.stores.credentials(*PLACE)
        if one.chain.subject.startswith(f"CN={node.home.name}")
    ]
    node.stores.add(*PLACE, whole.authority.issue(node.home.name, NAME, node.address))
    node.stores.remove(*PLACE, plain.chain.sha256)


@contextmanager
def _fronted(whole: Installation, folder: Path) -> Iterator[Fronted]:
    place = folder / "front"
    place.mkdir()
    desk = Desk(place, whole.authority)
    files: Files = desk.files()
    urls = [node.url for node in whole.webs]
    with fronting(desk, *urls, files=files, name=NAME) as front:
        yield front
