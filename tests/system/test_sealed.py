"""What a stranger finds at the port: TLS and nothing else, seen through curl and openssl."""

import socket
import ssl
import subprocess
from collections.abc import Iterator

import pytest

from tests.support import product as products
from tests.support.product import Product, until

pytestmark = [pytest.mark.slow, pytest.mark.system]


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    product = products.start(tmp_path_factory.mktemp("sealed") / "home")
    yield product
    assert product.stop() == 0


def curl(box: Product, *options: str, path: str = "/livez") -> subprocess.CompletedProcess[str]:
    """Run curl as a user would."""
    command = ["curl", "--silent", "--show-error", "--max-time", "10", *options, box.url + path]
    return subprocess.run(
        command, check=False, capture_output=True, text=True, env=products.environment()
    )


def s_client(box: Product, *options: str) -> str:
    """Return what openssl says of a handshake."""
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{box.port}", *options]
    done = subprocess.run(command, check=False, capture_output=True, text=True, input="")
    return done.stdout + done.stderr


def test_curl_trusts_it_with_our_ca_and_not_without(box: Product) -> None:
    assert curl(box, "--cacert", str(box.ca)).returncode == 0
    assert curl(box).returncode == 60


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_every_name_of_this_host_is_in_the_certificate(box: Product, host: str) -> None:
    context = ssl.create_default_context(cafile=str(box.ca))
    name = host.strip("[]")
    with socket.create_connection(("127.0.0.1", box.port)) as raw:
        context.wrap_socket(raw, server_hostname=name).close()


def test_plain_http_is_answered_and_logged_by_name(box: Product) -> None:
    with socket.create_connection(("127.0.0.1", box.port), timeout=10) as raw:
        raw.sendall(b"GET /services HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = raw.makefile("rb").read().decode()
    assert answer.startswith("HTTP/1.1 400")
    assert "https://" in answer
    assert "application/problem+json" in answer
    until(lambda: "http.plain_on_tls_port" in box.log)


@pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
def test_old_versions_of_tls_are_refused(box: Product, version: str) -> None:
    seen = s_client(box, version, "-cipher", "ALL:@SECLEVEL=0")
    assert "Cipher is (NONE)" in seen or "no protocols available" in seen
    assert "BEGIN CERTIFICATE" not in seen


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_present_versions_of_tls_are_accepted(box: Product, version: str) -> None:
    seen = s_client(box, version, "-CAfile", str(box.ca), "-servername", "localhost")
    assert "Verify return code: 0 (ok)" in seen


def test_an_unknown_name_is_refused_by_alert(box: Product) -> None:
    seen = s_client(box, "-servername", "elsewhere.example")
    assert "unrecognized name" in seen
    until(lambda: "elsewhere.example" in box.log)


def test_every_answer_carries_hsts_and_a_request_id(box: Product) -> None:
    seen = curl(box, "--cacert", str(box.ca), "--include").stdout.lower()
    assert "strict-transport-security: max-age=63072000" in seen
    assert "x-request-id: " in seen


def test_nothing_but_health_is_told_without_a_token(box: Product) -> None:
    for path in ("/services", "/sessions", "/snapshots", "/metrics", "/certificates", "/status"):
        seen = curl(
            box, "--cacert", str(box.ca), "-o", "/dev/null", "-w", "%{http_code}", path=path
        )
        assert seen.stdout == "401", path
