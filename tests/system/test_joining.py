"""Nodes and ACME clients that join the authority of a web node, by tokens."""

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509

from tests.support.joining import Own, network, node
from tests.support.product import environment, until

pytestmark = pytest.mark.system

NETWORK = network()


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Own]:
    folder = tmp_path_factory.mktemp("site") / "web"
    made = node("web", folder, {"Certificates": {"Names": ["web.site.test"]}}, f"{NETWORK}.1")
    made.start()
    made.typed(
        "login", made.url, "--username", "admin", "--password-stdin", told="Sealed-4-tests\n"
    )
    yield made
    if made.process is not None:
        made.stop()


def joined(web: Own, folder: Path, address: str) -> Own:
    made = node("compute", folder, {"Pool": {"InitialSize": 1, "MaxSize": 2}}, address)
    given = web.gives(address, "compute.site.test")
    told = made.typed("node", "join", web.url, told=given["token"] + "\n")
    assert told["certificates"][0]["names"] == [address, "compute.site.test"]
    return made


def published(web: Own, token: str, name: str) -> None:
    body = {
        "code": "answer = x * 2",
        "inputParameterDefinitions": [{"name": "x", "type": "numeric"}],
        "outputParameterDefinitions": [{"name": "answer", "type": "numeric"}],
        "runtimeType": "Python",
    }
    with web.client(token) as client:
        assert client.post(f"/services/{name}/1.0", json=body).status_code == 201


def answer(web: Own, token: str, name: str) -> int:
    with web.client(token) as client:
        return client.post(f"/api/{name}/1.0", json={"x": 21}).status_code


def test_a_compute_node_joins_is_called_and_is_expelled(web: Own, tmp_path: Path) -> None:
    compute = joined(web, tmp_path / "compute", f"{NETWORK}.2")
    compute.start()
    token = web.token()
    try:
        web.typed("node", "add", compute.url)
        until(lambda: web.typed("node", "list")[0]["state"] == "ready")
        published(web, token, "double")
        assert answer(web, token, "double") == 200
        until(lambda: web.typed("node", "enrolled")[0]["seenAt"] is not None)
        (listed,) = web.typed("node", "enrolled")
        assert (listed["state"], len(listed["holds"])) == ("joined", 1)
        assert web.typed("node", "expel", listed["id"])["revoked"] >= 1
        until(lambda: web.typed("node", "list")[0]["state"] == "unreachable")
        assert "revoked" in web.typed("node", "list")[0]["trouble"]
        assert answer(web, token, "double") in {502, 503}
    finally:
        web.typed("node", "remove", compute.url)
        compute.stop()
    ledger = (web.home / "signatures.jsonl").read_text()
    assert f"enrolment {listed['id']}" in ledger


def test_a_token_serves_once_and_a_wrong_one_never(web: Own, tmp_path: Path) -> None:
    given = web.gives("compute.site.test")
    first = node("compute", tmp_path / "first", {}, f"{NETWORK}.3")
    second = node("compute", tmp_path / "second", {}, f"{NETWORK}.4")
    first.typed("node", "join", web.url, told=given["token"])
    first.typed("node", "join", web.url, told=given["token"])  # what was cut short is repeated
    refused = second.typed("node", "join", web.url, told=given["token"], code=1)
    assert "hermetic node token" in refused
    assert "enrolled" not in second.file.read_text().lower()
    for wrong in ("", "nonsense", given["token"][:-1]):
        assert "copy the line" in second.typed("node", "join", web.url, told=wrong, code=65)
    another = given["token"].rpartition(".")[0] + "." + "0" * 64
    assert "another authority" in second.typed("node", "join", web.url, told=another, code=77)
    assert given["macKey"] not in web.log


def test_an_unknown_node_is_not_believed_and_a_stranger_not_let_in(
    web: Own, tmp_path: Path
) -> None:
    """Another web node, with an authority of its own, is no web node of ours."""
    compute = joined(web, tmp_path / "compute", f"{NETWORK}.5")
    compute.start()
    other = node("web", tmp_path / "other", {}, f"{NETWORK}.6")
    other.start()
    try:
        other.typed(
            "login", other.url, "--username", "admin", "--password-stdin", told="Sealed-4-tests\n"
        )
        other.typed("node", "add", compute.url)
        until(lambda: other.typed("node", "list")[0]["trouble"] != "")
        assert other.typed("node", "list")[0]["state"] == "unreachable"
        # even where it believes the compute node, it is not let in
        other.typed("certificate", "trust", str(web.ca))
        until(lambda: "certificate" in other.typed("node", "list")[0]["trouble"].lower())
        assert other.typed("node", "list")[0]["state"] == "unreachable"
    finally:
        other.stop()
        compute.stop()


def test_a_second_web_node_joins_and_is_let_in(web: Own, tmp_path: Path) -> None:
    compute = joined(web, tmp_path / "compute", f"{NETWORK}.7")
    compute.start()
    second = node("web", tmp_path / "second", {}, f"{NETWORK}.8")
    given = web.gives(f"{NETWORK}.8", "web-2.site.test", role="web")
    told = second.typed("node", "join", web.url, told=given["token"])
    assert [one["role"] for one in told["certificates"]] == ["api", "authentication"]
    second.start()
    try:
        second.ca = web.ca
        second.typed(
            "login",
            second.url,
            "--username",
            "admin",
            "--password-stdin",
            "--ca",
            str(web.ca),
            told="Sealed-4-tests\n",
        )
        second.typed("node", "add", compute.url)
        until(lambda: second.typed("node", "list")[0]["state"] == "ready")
    finally:
        second.stop()
        compute.stop()


def test_certbot_gets_a_certificate_renews_and_revokes_it(web: Own, tmp_path: Path) -> None:
    given = web.gives("api.site.test", "www.site.test", role="api")
    folders = [
        word for one in ("config", "work", "logs") for word in (f"--{one}-dir", str(tmp_path / one))
    ]

    def certbot(*words: str) -> str:
        done = subprocess.run(
            ["certbot", *words, *folders, "--server", f"{web.url}/acme/directory", "-n"],
            env=environment(REQUESTS_CA_BUNDLE=str(web.ca)),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    names = ["-d", "api.site.test", "-d", "www.site.test"]
    account = ["--eab-kid", given["id"], "--eab-hmac-key", given["macKey"], "--agree-tos"]
    contact = ["--register-unsafely-without-email"]
    certbot("certonly", "--standalone", "--http-01-port", "5002", *names, *account, *contact)
    live = tmp_path / "config" / "live" / "api.site.test" / "fullchain.pem"
    first = x509.load_pem_x509_certificates(live.read_bytes())
    first[0].verify_directly_issued_by(first[1])
    certbot("renew", "--force-renewal", "--no-random-sleep-on-renew")
    second = x509.load_pem_x509_certificates(live.read_bytes())
    assert second[0].serial_number != first[0].serial_number
    certbot(
        "revoke", "--cert-path", str(live), "--reason", "superseded", "--no-delete-after-revoke"
    )
    (listed,) = [one for one in web.typed("node", "enrolled") if one["id"] == given["id"]]
    assert listed["state"] == "joined"
    certbot("unregister")
    (listed,) = [one for one in web.typed("node", "enrolled") if one["id"] == given["id"]]
    assert listed["state"] == "ended"


def test_lego_gets_a_certificate_and_renews_it(web: Own, tmp_path: Path) -> None:
    given = web.gives("lego.site.test", role="api")

    def lego(*words: str) -> str:
        done = subprocess.run(
            [
                *("lego", "--path", str(tmp_path), "--server", f"{web.url}/acme/directory"),
                *("--accept-tos", "--email", "ops@site.test", "-d", "lego.site.test"),
                *("--eab", "--kid", given["id"], "--hmac", given["macKey"]),
                *("--http", "--http.port", ":5003", *words),
            ],
            env=environment(LEGO_CA_CERTIFICATES=str(web.ca)),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    lego("run")
    pem = tmp_path / "certificates" / "lego.site.test.crt"
    first = x509.load_pem_x509_certificates(pem.read_bytes())[0]
    lego("renew", "--days", "999", "--no-random-sleep")
    assert x509.load_pem_x509_certificates(pem.read_bytes())[0].serial_number != first.serial_number
    lego("revoke")


def test_no_secret_of_a_token_is_in_the_list_of_processes(web: Own, tmp_path: Path) -> None:
    second = node("compute", tmp_path / "seen", {}, f"{NETWORK}.9")
    given = web.gives("seen.site.test")
    mute = socket.create_server(("127.0.0.1", 0))  # nobody answers there, and the command waits
    url = f"https://127.0.0.1:{mute.getsockname()[1]}"
    command = [sys.executable, "-m", "hermetic.cli.main", "node", "join", url]
    process = subprocess.Popen(
        [*command, "--token", given["token"]],
        env=environment(HERMETIC_HOME=str(second.home)),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        line = Path(f"/proc/{process.pid}/cmdline")
        until(lambda: b"join" in line.read_bytes() and b"--token" not in line.read_bytes())
        assert given["macKey"].encode() not in line.read_bytes()
        assert given["macKey"].encode() not in Path(f"/proc/{process.pid}/environ").read_bytes()
    finally:
        process.kill()
        process.wait()
        mute.close()
    assert re.search(r"\.[A-Za-z0-9_-]{43}\.", given["token"])
