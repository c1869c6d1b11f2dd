import os
import signal
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest

from hermetic.client.api import Client
from hermetic.config.home import Home, read_record
from hermetic.config.sections import Kestrel, Limits, Pool
from hermetic.config.settings import Settings
from hermetic.errors import BadInput, Unavailable
from hermetic.wiring import onebox
from hermetic.wiring.life import Ready

PASSWORD = "Sealed-4-tests"
SETTINGS = Settings(
    kestrel=Kestrel(port=0), pool=Pool(initial_size=1), limits=Limits(drain_seconds=5)
)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.create()
    return home


def during(
    home: Home,
    visit: Callable[[Ready], object],
    settings: Settings = SETTINGS,
    password: str | None = PASSWORD,
) -> list[object]:
    """Run a box, call *visit* once it is ready, stop it with SIGTERM; return what came of it."""
    came: list[object] = []

    def visitor(ready: Ready) -> None:
        try:
            came.append(visit(ready))
        except Exception as error:
            came.append(error)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    def announce(ready: Ready) -> None:
        threading.Thread(target=visitor, args=(ready,)).start()

    onebox.serve(home, settings, password=password, announce=announce)
    return came


def logged_in(ready: Ready, password: str = PASSWORD) -> list[str]:
    with Client(ready.url, ca=ready.ca) as client:
        client.login("admin", password)
        return sorted(one.entry for one in client.certificates())


@pytest.mark.slow
def test_a_box_answers_through_verified_tls_and_ends_when_told(home: Home) -> None:
    assert during(home, logged_in) == [["api", "front-end-storage", "token-signing"]]


@pytest.mark.slow
def test_a_later_start_knows_the_account_of_the_first(home: Home) -> None:
    during(home, logged_in)
    assert during(home, logged_in, password="Another-1-word") == [
        ["api", "front-end-storage", "token-signing"]
    ]


@pytest.mark.slow
def test_a_password_is_generated_where_none_is_given_and_told_only_then(home: Home) -> None:
    def visit(ready: Ready) -> str:
        assert ready.password is not None
        logged_in(ready, ready.password)
        return ready.password

    (password,) = during(home, visit, password=None)
    assert isinstance(password, str)
    assert during(home, lambda ready: ready.password, password=None) == [None]


def test_a_weak_password_keeps_the_box_from_starting(home: Home) -> None:
    with pytest.raises(BadInput, match="too weak"):
        during(home, logged_in, password="weak")


def test_where_it_runs_is_recorded_as_long_as_it_does(home: Home) -> None:
    (record,) = during(home, lambda _: read_record(home.running))
    assert isinstance(record, dict)
    assert record["pid"] == os.getpid()
    assert record["ca"] == str(home.ca)
    assert not home.running.exists()


@pytest.mark.slow
def test_it_says_that_it_is_ready_and_counts(home: Home) -> None:
    def visit(ready: Ready) -> tuple[int, bool]:
        with Client(ready.url, ca=ready.ca) as client:
            client.login("admin", PASSWORD)
            context = ssl.create_default_context(cafile=str(ready.ca))
            with httpx2.Client(verify=context, trust_env=False) as http:
                state = http.get(f"{ready.url}/readyz").status_code
                headers = {"authorization": f"Bearer {client.token}"}
                figures = http.get(f"{ready.url}/metrics", headers=headers).text
        return state, "authority-root" in figures

    assert during(home, visit) == [(200, True)]


def test_in_plain_http_there_is_no_authority_to_trust(home: Home) -> None:
    def visit(ready: Ready) -> tuple[str, object]:
        answer = httpx2.get(f"{ready.url}/livez", trust_env=False)
        return answer.headers.get("strict-transport-security", ""), ready.ca

    settings = Settings(kestrel=Kestrel(port=0, https_enabled=False), pool=Pool(initial_size=1))
    assert during(home, visit, settings) == [("", None)]


def test_a_taken_port_is_told_before_anything_is_made(home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        settings = Settings(kestrel=Kestrel(host="127.0.0.1", port=port))
        with pytest.raises(Unavailable, match=str(port)):
            during(home, logged_in, settings)
    assert list(home.root.iterdir()) == []
