"""Two web nodes, three compute nodes, PostgreSQL and nginx, and whatever happens to them."""

import json
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from tests.support import site as sites
from tests.support.installation import Node
from tests.support.product import PASSWORD, Product, environment, until
from tests.support.retired_client import RetiredClient
from tests.support.site import Driving, Site, renewed

pytestmark = [pytest.mark.slow, pytest.mark.system]

Show = Callable[[str], None]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with sites.running(tmp_path_factory.mktemp("site")) as running:
        yield running


@pytest.fixture
def token(site: Site) -> str:
    return site.whole.webs[0].token()


def settled(site: Site, token: str) -> None:
    """Wait until both web nodes see all compute nodes ready."""

    def all_ready() -> bool:
        for web in site.whole.webs:
            with web.client(token) as client:
                if {one["state"] for one in client.get("/nodes").json()} != {"ready"}:
                    return False
        return True

    until(all_ready, within_s=40)


def ready(web: Node) -> bool:
    """Tell whether the node says that it would answer calls."""
    with web.client() as client:
        return client.get("/readyz").status_code == 200


def test_the_retired_client_works_through_the_front(site: Site) -> None:
    web = site.whole.webs[0]
    assert web.process is not None
    seen = Product(web.home, site.url, web.ca, web.process, {})
    with RetiredClient(seen) as client:
        assert client.play("login", password=PASSWORD).startswith("Bearer")
        client.play("deploy_add")
        # Each request may reach either web node, and each call any compute node.
        for x in (1.5, 2.5, 3.5, 4.5):
            answer = client.play("consume_add", x=x, y=2.0)
            assert answer["outputs"]["answer"] == 2.0 * x + 20.0 + 1.0 + 0.5
        assert all(client.play("seven_types")["equal"])


def test_a_diagnosis_looks_through_every_web_node_at_every_compute_node(
    site: Site, token: str
) -> None:
    settled(site, token)
    expected = {
        f"compute node {compute.url}, seen from {one.url}"
        for compute in site.whole.computes
        for one in site.whole.webs
    }
    # It ends after four seconds with what was found by then, which other tests beside may cost.
    for _ in range(6):
        found = diagnosed(site, token)
        seen = {one["where"] for one in found["findings"] if one["code"] == "node.fine"}
        if seen == expected and found["statusCode"] == "pass":
            break
    assert seen == expected
    assert found["statusCode"] == "pass", found


def diagnosed(site: Site, token: str) -> dict[str, Any]:
    """Return what `hermetic diagnose` says, from outside, through the first web node."""
    web, began = site.whole.webs[0], time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "hermetic.cli.main", "diagnose", "--json", "--url", web.url],
        env=environment(
            HERMETIC_CA=str(web.ca), HERMETIC_TOKEN=token, HERMETIC_HOME=str(web.home / "none")
        ),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    took = time.monotonic() - began
    assert took < 15  # five seconds are for a machine that does nothing else
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_compute_node_is_killed_and_no_call_fails(site: Site, token: str, show: Show) -> None:
    settled(site, token)
    load = Driving(site.whole.webs[0].url, token, seconds=8, connections=16)
    time_to_warm(site, token)
    victim = site.whole.computes[1]
    before = slowest(site, token, seconds=2)
    victim.stop(how=signal.SIGKILL)
    time_to_warm(site, token, seconds=1)
    later = slowest(site, token, seconds=2)
    result = load.result()
    victim.start()
    show(
        f"kill -9 of one of three compute nodes at {result.rate:.0f} calls/s: {result.failed} failed;"
        f" the slowest of other clients' calls took {before:.0f} ms in the two seconds before, and"
        f" {later:.0f} ms from one second after"
    )
    assert result.failed == 0, result.told


def time_to_warm(site: Site, token: str, *, seconds: float = 2) -> None:
    """Return once calls beside the load have been answered for a while."""
    slowest(site, token, seconds=seconds)


def slowest(site: Site, token: str, *, seconds: float) -> float:
    """Return how many ms the slowest call of a client with one connection took."""
    worst, end = 0.0, time.monotonic() + seconds
    with site.whole.webs[0].client(token) as client:
        while (began := time.monotonic()) < end:
            answer = client.post("/api/double/1.0", json={"x": 21})
            worst = max(worst, time.monotonic() - began)
            assert answer.json()["outputParameters"] == {"answer": 42}
    return worst * 1e3


def test_all_compute_nodes_are_restarted_and_no_call_fails(
    site: Site, token: str, show: Show
) -> None:
    settled(site, token)
    web = site.whole.webs[0]
    load = Driving(site.url, token, seconds=12)
    command = [sys.executable, "-m", "hermetic.cli.main", "node", "restart", "--all"]
    done = subprocess.run(
        [*command, "--url", web.url],
        env=environment(HERMETIC_CA=str(web.ca), HERMETIC_TOKEN=token, HERMETIC_HOME=str(web.home)),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    result = load.result()
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("is ready again") == 3
    show(
        f"rolling restart of three compute nodes at {result.rate:.0f} calls/s: {result.failed} failed"
    )
    assert result.failed == 0, result.told


def test_a_compute_node_hangs_and_no_call_fails(site: Site, token: str, show: Show) -> None:
    settled(site, token)
    victim = site.whole.computes[0]
    assert victim.process is not None
    load = Driving(site.whole.webs[0].url, token, seconds=16)
    time_to_warm(site, token)
    victim.process.send_signal(signal.SIGSTOP)
    try:
        result = load.result()
    finally:
        victim.process.send_signal(signal.SIGCONT)
    show(f"one of three compute nodes hangs at {result.rate:.0f} calls/s: {result.failed} failed")
    assert result.failed == 0, result.told


def test_a_web_node_is_killed_and_nothing_acknowledged_is_lost(
    site: Site, token: str, show: Show
) -> None:
    first, second = site.whole.webs
    through_the_other = Driving(second.url, token, seconds=6)
    acknowledged = [
        name for name in (f"kept-{number}" for number in range(8))
        if site.publish(first, token, name) == 201
    ]  # fmt: skip
    first.stop(how=signal.SIGKILL)
    result = through_the_other.result()
    with second.client(token) as client:
        known = {one["name"] for one in client.get("/services").json()}
    first.start()
    show(f"kill -9 of one of two web nodes: {result.failed} calls of the other's clients failed")
    assert len(acknowledged) == 8
    assert set(acknowledged) <= known
    assert result.failed == 0, result.told


def test_the_database_goes_and_comes_back(site: Site, token: str) -> None:
    web = site.whole.webs[0]
    # Just started, it has yet to hear of its compute nodes: that is not what is tried here.
    until(lambda: ready(web), within_s=40)
    site.postgresql.stop()
    try:
        assert site.call(web, token).status_code == 200
        assert site.publish(web, token, "unkept") >= 500
        assert ready(web)
    finally:
        site.postgresql.start()
    until(lambda: site.publish(web, token, "kept-again") == 201, within_s=40)
    until(lambda: site.call(site.whole.webs[1], token, "kept-again").status_code == 200)


def test_certificates_are_replaced_on_every_node_under_load(
    site: Site, token: str, show: Show
) -> None:
    settled(site, token)
    nodes, rounds = site.whole.nodes, 20
    load = Driving(site.url, token, seconds=30)
    streams = [one.client(token) for one in site.whole.webs for _ in range(4)]
    shaken = 0
    try:
        for client in streams:
            assert client.get("/services").status_code == 200
        for _ in range(rounds):
            for node in nodes:
                fresh = renewed(site.whole, node)
                if node.role == "web":
                    shaken += presented_soon(site, node.address, node.port, fresh.chain.sha256)
        kept = sum(client.get("/services").status_code == 200 for client in streams)
    finally:
        for client in streams:
            client.close()
    result = load.result()
    show(
        f"{rounds} certificates on each of {len(nodes)} nodes at {result.rate:.0f} calls/s:"
        f" {result.failed} calls failed, 0 of {shaken} handshakes, {kept} of 8 streams kept"
    )
    assert result.failed == 0, result.told
    assert kept == 8


def presented_soon(site: Site, address: str, port: int, fingerprint: str) -> int:
    """Shake hands until *fingerprint* is presented; return how often that took."""
    context = ssl.create_default_context(cafile=str(site.whole.ca))
    end, count = time.monotonic() + 20, 0
    while True:
        with (
            socket.create_connection((address, port), timeout=10) as raw,
            context.wrap_socket(raw, server_hostname=address) as sealed,
        ):
            der = sealed.getpeercert(binary_form=True)
        count += 1
        leaf = x509.load_der_x509_certificate(der or b"")
        if leaf.fingerprint(hashes.SHA256()).hex() == fingerprint:
            return count
        assert time.monotonic() < end, "the new certificate is not presented"


def test_nodes_come_and_go_at_every_web_node_within_two_seconds(site: Site, token: str) -> None:
    first, second = site.whole.webs
    entry = {"entries": ["https://127.0.0.1:9"]}

    def known() -> bool:
        with second.client(token) as client:
            return "https://127.0.0.1:9" in {one["uri"] for one in client.get("/nodes").json()}

    with first.client(token) as client:
        client.put("/computenodes", json=entry).raise_for_status()
        until(known, within_s=2)
        client.request("DELETE", "/computenodes", json=entry).raise_for_status()
        until(lambda: not known(), within_s=2)


@pytest.mark.parametrize(
    "path",
    ["/api/double/1.0/../../../services", "/api/double%2F1.0", "/%2e%2e/services", "//services"],
)
def test_paths_lead_nowhere_else_through_the_front(site: Site, path: str) -> None:
    # curl, since most clients tidy a path before they send it
    asking = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--path-as-is"]
    done = subprocess.run(
        [*asking, "--cacert", str(site.whole.ca), f"{site.url}{path}"],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert done.stdout in {"400", "401", "404", "405"}


def test_who_somebody_claims_to_be_in_a_header_counts_for_nothing(site: Site) -> None:
    claims = {
        "x-forwarded-user": "admin",
        "x-ssl-client-subject": "CN=web.hermetic.test",
        "x-client-certificate": "anything",
        "forwarded": "for=127.0.0.1;by=admin",
    }
    with site.front.client() as client:
        assert client.get("/services", headers=claims).status_code == 401
