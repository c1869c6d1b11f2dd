import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from hermetic.cli import main
from tests.support.nginx import parse

Captured = pytest.CaptureFixture[str]
FRONT = ["--role", "web", "--server-name", "models.example.com"]
NGINX = [
    "frontend",
    "config",
    "nginx",
    *FRONT,
    "--certificate",
    "/etc/a.pem",
    "--key",
    "/etc/a.key",
]
IIS = ["frontend", "config", "iis", *FRONT, "--certificate", "ab" * 20]
CA = ["--upstream-ca", "/etc/ca.pem"]
OPTIONS = {
    "--role": "compute",
    "--server-name": "10.0.0.7",
    "--upstream": "https://node.example.com:12805",
    "--upstream-certificate": "/etc/auth.pem",
    "--upstream-key": "/etc/auth.key",
    "--client-ca": "/etc/clients.pem",
    "--client-crl": "/etc/crl.pem",
    "--http": "redirect",
    "--http-port": "8080",
    "--port": "8443",
    "--listen": "::1",
    "--trusted-proxy": "10.0.0.0/24",
    "--access-log": "/tmp/log",
}


def test_a_configuration_of_nginx_is_printed(capsys: Captured) -> None:
    assert main.run([*NGINX, *CA]) == 0
    (server,) = parse(capsys.readouterr().out).blocks("server")
    assert server.named("listen") == [["0.0.0.0:443", "ssl"], ["[::]:443", "ssl"]]
    assert server.named("ssl_protocols") == [["TLSv1.2", "TLSv1.3"]]
    assert server.named("proxy_ssl_trusted_certificate") == [["/etc/ca.pem"]]


def test_every_option_has_its_effect(capsys: Captured) -> None:
    assert main.run([*NGINX, *CA, *(word for pair in OPTIONS.items() for word in pair)]) == 0
    written = parse(capsys.readouterr().out)
    plain, server = written.blocks("server")
    assert written.blocks("upstream")[0].named("server") == [["node.example.com:12805"]]
    assert plain.named("listen") == [["[::1]:8080"]]
    assert server.named("server_name") == [["models.example.com", "10.0.0.7"]]
    for name, value in (
        ("listen", "[::1]:8443"),
        ("ssl_protocols", "TLSv1.3"),
        ("ssl_crl", "/etc/crl.pem"),
        ("ssl_client_certificate", "/etc/clients.pem"),
        ("proxy_ssl_name", "node.example.com"),
        ("proxy_ssl_certificate_key", "/etc/auth.key"),
        ("set_real_ip_from", "10.0.0.0/24"),
        ("access_log", "/tmp/log"),
    ):
        assert server.named(name)[0][0] == value


def test_a_compute_node_that_is_open_to_all_is_remarked_on(capsys: Captured) -> None:
    assert main.run([*NGINX, *CA, "--role", "compute"]) == 0
    assert "with --client-ca, or let a firewall" in capsys.readouterr().err
    assert main.run([*NGINX, *CA, "--role", "compute", "--client-ca", "/etc/c.pem"]) == 0
    assert capsys.readouterr().err == ""
    assert main.run([*IIS, "--role", "compute"]) == 0
    assert "with --client-certificate" in capsys.readouterr().err


def test_a_file_is_written_and_the_next_step_told(tmp_path: Path, capsys: Captured) -> None:
    file = tmp_path / "front.conf"
    assert main.run([*NGINX, *CA, "--out", str(file)]) == 0
    shown = capsys.readouterr()
    assert parse(file.read_text()).blocks("server")
    assert (shown.out, "nginx -t" in shown.err) == ("", True)
    assert main.run([*NGINX, *CA, "--out", str(file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"file": str(file), "text": file.read_text()}


def test_a_script_for_iis_is_printed_and_says_that_it_was_not_tested(capsys: Captured) -> None:
    assert main.run([*IIS, "--client-certificate", "--json"]) == 0
    text = json.loads(capsys.readouterr().out)["text"]
    assert text.count("not tested on Windows") == 2
    inner = text.partition("@'\r\n")[2].partition("\r\n'@")[0]
    assert "SslRequireCert" in ElementTree.fromstring(inner)[0][0][0].attrib["sslFlags"]


@pytest.mark.parametrize(
    ("arguments", "code", "remedy"),
    [
        (NGINX, 65, "--upstream-ca"),
        ([*NGINX, *CA, "--upstream", "https://10.0.0.1"], 65, "--upstream-name"),
        ([*NGINX, "--upstream", "http://10.0.0.1"], 65, "write https://"),
        ([*NGINX, *CA, "--key", "relative"], 65, "absolute path"),
        ([*NGINX, *CA, "--listen", "localhost"], 65, "no address to listen on"),
        ([*NGINX, *CA, "--port", "0"], 65, "from 1 to 65535"),
        ([*NGINX, *CA, "--trusted-proxy", "::/0"], 78, "would believe everybody"),
        ([*NGINX, *CA, "--server-name", "a;b"], 65, "cannot name a server"),
        ([*NGINX, *CA, "--role", "database"], 2, "'web', 'compute'"),
        ([*NGINX, *CA, "--out", "/nowhere/front.conf"], 78, "No such file"),
        ([*IIS, "--certificate", "/etc/a.pem"], 65, "is no thumbprint"),
        ([*IIS, "--upstream", "https://localhost:1-2"], 65, "use nginx"),
    ],
)
def test_what_cannot_be_done_is_told_with_a_remedy(
    arguments: list[str], code: int, remedy: str, capsys: Captured
) -> None:
    assert main.run(arguments) == code
    assert remedy in capsys.readouterr().err
