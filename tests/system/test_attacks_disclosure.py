"""After all that a node does, no secret is anywhere that somebody else can look."""

import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support import product as products
from tests.support.calling import call, publish
from tests.support.product import PASSWORD, Product

pytestmark = [pytest.mark.slow, pytest.mark.system]

INPUT = "an-input-nobody-else-may-see"


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    product = products.start(tmp_path_factory.mktemp("told") / "home")
    yield product
    assert product.stop() == 0


@pytest.fixture(scope="module")
def secrets(box: Product) -> set[str]:
    """Everything a node does, done once, also wrongly; the secrets that were part of it."""
    with box.client() as http:
        answers = [login(http).json() for _ in range(2)]
        answers.append(refresh(http, answers[0]["refresh_token"]).json())
        # Reuse, revocation, and secrets where they do not belong.
        refresh(http, answers[0]["refresh_token"])
        http.delete(f"/login/refreshToken/{answers[1]['refresh_token']}")
        token = str(login(http).json()["access_token"])
        http.get(f"/services/{token}")
        http.get(f"/services?access_token={token}", headers={"authorization": f"Basic {token}"})
        http.post("/login", json={"username": PASSWORD, "password": PASSWORD + "x"})
        http.post("/login", content=f'{{"username": "admin", "password": "{PASSWORD}"'.encode())
        http.headers["authorization"] = f"Bearer {token}"
        publish(http, "echoes", "r = x", inputs={"x": "character"}, outputs={"r": "character"})
        call(http, "echoes", x=INPUT)
        http.post("/api/echoes/1", json={"x": [INPUT]})
        http.post("/api/echoes/1", content=INPUT)
        http.post("/certificates/api/renew")
        http.post("/certificates/token-signing/renew")
    keys = {
        line
        for path in box.home.rglob("tls.key")
        for line in path.read_text().splitlines()
        if "PRIVATE KEY" not in line and len(line) == 64
    }
    tokens = {str(one[name]) for one in answers for name in ("access_token", "refresh_token")}
    return keys | tokens | {token, PASSWORD, INPUT}


def login(http: httpx2.Client) -> httpx2.Response:
    return http.post("/login", json={"username": "admin", "password": PASSWORD})


def refresh(http: httpx2.Client, token: str) -> httpx2.Response:
    return http.post("/login/refreshToken", json={"refreshToken": token})


def told_by(secrets: set[str], text: str) -> int:
    return sum(secret in text for secret in secrets)


def test_no_log_line_holds_a_secret(box: Product, secrets: set[str]) -> None:
    assert len(secrets) > 10
    assert "login.reused" in box.log
    assert told_by(secrets, box.log) == 0


def test_no_process_shows_a_secret(box: Product, secrets: set[str]) -> None:
    listed = subprocess.run(["ps", "axeww"], capture_output=True, text=True, check=True).stdout
    assert str(box.home) in listed
    ours = [line for line in listed.splitlines() if str(box.home) in line]
    assert told_by(secrets, "\n".join(ours)) == 0


def test_the_database_holds_no_token_and_no_password(box: Product, secrets: set[str]) -> None:
    kept = b"".join(path.read_bytes() for path in box.home.glob("hermetic.sqlite3*"))
    assert told_by(secrets, kept.decode("latin-1")) == 0


def test_nothing_in_the_home_is_open_to_others(box: Product, secrets: set[str]) -> None:
    found = [path for path in (box.home, *box.home.rglob("*")) if not path.is_symlink()]
    assert not [str(path) for path in found if stat.S_IMODE(path.stat().st_mode) & 0o077]
    assert not list(Path("/dev/shm").glob("*hermetic*"))


@pytest.mark.parametrize(
    "path", ["/", "/livez", "/readyz?verbose", "/openapi.json", "/problems", "/nothing"]
)
def test_a_stranger_is_told_nothing_of_what_is_in_it(
    box: Product, secrets: set[str], path: str
) -> None:
    with box.client() as http:
        shown = http.get(path)
    text = shown.text + str(shown.headers)
    assert told_by(secrets, text) == 0
    for word in ("echoes", str(box.home), "admin", "uvicorn", "Python/"):
        assert word not in text


@pytest.mark.parametrize(
    "path", ["/metrics", "/status", "/services", "/sessions", "/snapshots", "/certificates"]
)
def test_what_is_there_and_what_is_not_look_alike_to_a_stranger(box: Product, path: str) -> None:
    def answer(method: str, where: str) -> tuple[Any, ...]:
        found = http.request(method, where)
        told = found.json()
        return found.status_code, told["type"], told["detail"]

    with box.client() as http:
        assert answer("GET", path) == answer("GET", "/nothing")
        assert answer("POST", "/api/echoes/1") == answer("POST", "/api/nothing/1")
        assert answer("GET", path)[0] == 401
