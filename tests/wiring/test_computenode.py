"""A whole compute node in this process, visited by web nodes and others."""

import os
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import httpx2
import pytest

from hermetic.certificates.credential import Credential
from hermetic.config.compute import ClientCertificate, ComputeSettings
from hermetic.config.home import Home, read_record
from hermetic.config.sections import Limits, NodeKestrel, Pool
from hermetic.errors import BadConfiguration, Unavailable
from hermetic.serving.service import Entry
from hermetic.tls.contexts import client_context
from hermetic.wire.placements import placed
from hermetic.wiring import computenode
from hermetic.wiring.entry import Reread
from hermetic.wiring.life import Announce, Ready
from tests.support.own import issued, letting_in
from tests.support.visiting import during
from tests.support.wire import WINE_SERVICE

V = TypeVar("V")
DEADLINE_S = 20
DIGEST, DOCUMENT = placed(replace(WINE_SERVICE, entry=Entry(code="print('hello')")))
HERE = NodeKestrel(host="localhost", port=0)
PLAIN = ComputeSettings(
    kestrel=replace(HERE, https_enabled=False),
    pool=Pool(initial_size=1, max_size=1),
    limits=Limits(drain_seconds=5),
)


@pytest.fixture
async def shown(home: Home) -> Credential:
    """What a web node shows, certified by the authority of the home."""
    return await issued(home)


@pytest.fixture
async def other(home: Home) -> Credential:
    """What another machine shows, certified by the same authority."""
    return await issued(home, "other")


def sealed(section: ClientCertificate) -> ComputeSettings:
    return replace(PLAIN, kestrel=HERE, client_certificate=section)


def run(
    home: Home,
    settings: ComputeSettings,
    visit: Callable[[Ready], V],
    *,
    reread: Reread | None = None,
    stops: bool = True,
) -> tuple[V, bool]:
    """Run a node during *visit*; return what came of that, and whether it begins again."""
    again: list[bool] = []

    def serve(announce: Announce) -> None:
        read = reread or (lambda: settings)
        again.append(computenode.serve(home, settings, reread=read, announce=announce))

    return during(serve, visit, stops=stops), again[0]


def client(ready: Ready, shown: Credential | None = None) -> httpx2.Client:
    context: ssl.SSLContext | bool = False
    if ready.ca is not None:
        context = client_context(ready.ca.read_bytes(), credential=shown)
    return httpx2.Client(base_url=ready.url, verify=context, trust_env=False, timeout=30)


def test_it_runs_what_a_web_node_that_is_named_gives_it(home: Home, shown: Credential) -> None:
    def visit(ready: Ready) -> tuple[object, object, object]:
        with client(ready, shown) as asked:
            asked.put(f"/placements/{DIGEST}", content=DOCUMENT).raise_for_status()
            answer = asked.post(f"/calls/{DIGEST}", content=b"{}").json()
            return answer["success"], answer["consoleOutput"], read_record(home.running)

    (success, console, record), again = run(home, sealed(letting_in(shown)), visit)
    assert (success, console, again) == (True, "hello\n", False)
    assert isinstance(record, dict)
    assert (record["pid"], record["ca"]) == (os.getpid(), str(home.ca))
    assert not home.running.exists()


def verdict(ready: Ready, shown: Credential | None) -> str:
    """Return what somebody is told who shows that, or shows nothing."""
    with client(ready, shown) as asked:
        try:
            return str(asked.get("/status").status_code)
        except (ssl.SSLError, httpx2.TransportError):
            return "refused"


def test_it_turns_away_who_is_not_named_or_shows_nothing(
    home: Home, shown: Credential, other: Credential
) -> None:
    def visit(ready: Ready) -> list[str]:
        return [verdict(ready, one) for one in (shown, other, None)]

    found, _ = run(home, sealed(letting_in(shown)), visit)
    assert found[0] == "200"
    assert set(found[1:]) <= {"403", "refused"}


@pytest.mark.slow
def test_what_its_settings_say_anew_holds_without_a_restart(
    home: Home, shown: Credential, other: Credential
) -> None:
    said = [letting_in(shown)]

    def visit(ready: Ready) -> list[str]:
        said[0] = letting_in(other)
        deadline = time.monotonic() + DEADLINE_S
        while verdict(ready, shown) == "200" and time.monotonic() < deadline:
            pass
        return [verdict(ready, one) for one in (shown, other)]

    found, _ = run(home, sealed(said[0]), visit, reread=lambda: sealed(said[0]))
    assert found[0] != "200"
    assert found[1] == "200"


def test_a_web_node_may_start_it_again_and_the_manager_is_told(
    home: Home, shown: Credential, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def visit(ready: Ready) -> int:
        with client(ready, shown) as asked:
            return asked.post("/restart").status_code

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(DEADLINE_S)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        status, again = run(home, sealed(letting_in(shown)), visit, stops=False)
        told = [manager.recv(1000).split(b"\n")[0] for _ in range(2)]
    assert (status, again, told) == (202, True, [b"READY=1", b"RELOADING=1"])


def test_in_plain_http_nobody_is_asked_for_anything(home: Home) -> None:
    def visit(ready: Ready) -> tuple[object, str, str]:
        return ready.ca, ready.url[:17], verdict(ready, None)

    assert run(home, PLAIN, visit)[0] == (None, "http://localhost:", "200")
    assert not home.authority.exists()


@pytest.mark.parametrize(
    "settings",
    [
        replace(PLAIN, kestrel=NodeKestrel(port=0)),
        replace(PLAIN, client_certificate=ClientCertificate(issuer="CN=A", subject="CN=b")),
    ],
)
def test_openness_that_nobody_meant_is_refused_before_anything_is_made(
    home: Home, settings: ComputeSettings
) -> None:
    with pytest.raises(BadConfiguration, match="ClientCertificate"):
        run(home, settings, lambda _: None)
    assert list(home.root.iterdir()) == []


def test_openness_that_was_meant_is_served_with_a_warning(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    everywhere = replace(
        PLAIN, kestrel=NodeKestrel(port=0), client_certificate=ClientCertificate(enabled=False)
    )
    assert run(home, everywhere, lambda ready: verdict(ready, None))[0] == "200"
    assert "door.open" in capsys.readouterr().err


def test_a_taken_port_is_told_before_anything_is_made(home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        taken = replace(PLAIN, kestrel=NodeKestrel("127.0.0.1", port, https_enabled=False))
        with pytest.raises(Unavailable, match=str(port)):
            run(home, taken, lambda _: None)
    assert list(home.root.iterdir()) == []
