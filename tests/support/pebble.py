"""Pebble as Debian packages it: an ACME server that judges clients strictly, on loopback ports."""

import json
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.certificates import hierarchy
from tests.support.product import until

PROGRAM, DNS_PROGRAM = shutil.which("pebble"), shutil.which("pebble-challtestsrv")
needs_pebble = pytest.mark.skipif(
    PROGRAM is None or DNS_PROGRAM is None, reason="pebble is not installed"
)
NEWEST = shutil.which(str(Path(__file__).parents[2] / ".later" / "usr" / "bin" / "pebble"))
"""That of a later Debian, which knows profiles and renewal information (`tools/later.py`)."""
needs_newest = pytest.mark.skipif(
    NEWEST is None or DNS_PROGRAM is None, reason="the pebble of a later Debian is not there"
)
PROFILES = {"default": timedelta(days=90), "shortlived": timedelta(hours=160)}
EAB = ("kid-of-tests", "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W")
"""An account that a server with EAB knows; its key is of tests alone."""


@dataclass(frozen=True)
class Pebble:
    """A server that runs.

    Args:
        directory: Its directory.
        ca: Whom its own HTTPS is believed by, a file.
        http_port: Where it looks for answers of http-01; *tls_port* of tls-alpn-01.
    """

    directory: str
    ca: Path
    http_port: int
    tls_port: int
    management: str
    dns_management: str

    def root(self, number: int = 0) -> bytes:
        """Return a root that it issues by, in PEM."""
        return self._got(f"{self.management}/roots/{number}")

    def status_of(self, serial: int) -> str:
        """Return what it says of a certificate: Valid or Revoked."""
        found = self._got(f"{self.management}/cert-status-by-serial/{serial:x}")
        return str(json.loads(found)["Status"])

    def suggest(self, chain_pem: str, answer: str) -> None:
        """Let the renewal information of a certificate be *answer*."""
        body = json.dumps({"certificate": chain_pem, "ariResponse": answer}).encode()
        context = ssl.create_default_context(cafile=str(self.ca))
        url = f"{self.management}/set-renewal-info/"
        request = urllib.request.Request(url, body, method="POST")
        urllib.request.urlopen(request, timeout=10, context=context).close()

    def tell_dns(self, what: str, **body: object) -> None:
        """Change what the DNS of the validation says."""
        request = urllib.request.Request(
            f"{self.dns_management}/{what}", json.dumps(body).encode(), method="POST"
        )
        urllib.request.urlopen(request, timeout=10).close()

    def _got(self, url: str) -> bytes:
        context = ssl.create_default_context(cafile=str(self.ca))
        with urllib.request.urlopen(url, timeout=10, context=context) as answer:
            body: bytes = answer.read()
            return body


@contextmanager
def running(
    environment: Mapping[str, str] | None = None,
    *,
    eab: bool = False,
    dns: str = "",
    newest: bool = False,
    tls_port: int = 0,
) -> Iterator[Pebble]:
    """Run a server until left, that knows no waiting; *environment* sets what it refuses.

    Args:
        dns: The DNS server that it asks; without one, every name leads to this machine.
        tls_port: Where it looks for answers of tls-alpn-01; some free one without it.
        newest: Whether to take that of a later Debian, with `PROFILES`.
    """
    program = NEWEST if newest else PROGRAM
    assert program is not None
    assert DNS_PROGRAM is not None
    folder = Path(tempfile.mkdtemp(prefix="pebble-of-tests-"))
    api, management, http, tls, dns_port, dns_management = _free_ports(6)
    tls = tls_port or tls
    authority = hierarchy()
    own = authority.issue("localhost", "127.0.0.1")
    (folder / "own.pem").write_bytes(own.chain_pem)
    (folder / "own.key").write_bytes(own.key_pem)
    (folder / "ca.pem").write_bytes(authority.root_pem)
    configuration: dict[str, object] = {
        "listenAddress": f"127.0.0.1:{api}",
        "managementListenAddress": f"127.0.0.1:{management}",
        "certificate": str(folder / "own.pem"),
        "privateKey": str(folder / "own.key"),
        "httpPort": http,
        "tlsPort": tls,
        "ocspResponderURL": "",
        "externalAccountBindingRequired": eab,
    }
    if newest:
        configuration["retryAfter"] = {"authz": 1, "order": 1}
        configuration["profiles"] = {
            name: {"description": name, "validityPeriod": int(life.total_seconds())}
            for name, life in PROFILES.items()
        }
    if eab:
        configuration["externalAccountMACKeys"] = dict([EAB])
    (folder / "config.json").write_text(json.dumps({"pebble": configuration}))
    names = ["-dns01", f"127.0.0.1:{dns_port}", "-management", f"127.0.0.1:{dns_management}"]
    off = ["-http01", "", "-https01", "", "-tlsalpn01", ""]
    with (folder / "log").open("wb") as log:
        helper = subprocess.Popen(
            [DNS_PROGRAM, *names, *off, "-defaultIPv4", "127.0.0.1", "-defaultIPv6", ""],
            stdout=log,
            stderr=log,
        )
        server = subprocess.Popen(
            [
                *(program, "-config", str(folder / "config.json")),
                *("-dnsserver", dns or f"127.0.0.1:{dns_port}", "-strict"),
            ],
            env={"PATH": os.environ["PATH"], "PEBBLE_VA_NOSLEEP": "1", **(environment or {})},
            stdout=log,
            stderr=log,
        )
    try:
        ports = (api, management, dns_management)
        until(lambda: all(map(_is_open, ports)) or server.poll() is not None, within_s=20)
        assert server.poll() is None, (folder / "log").read_text()
        yield Pebble(
            f"https://localhost:{api}/dir",
            folder / "ca.pem",
            http,
            tls,
            f"https://localhost:{management}",
            f"http://127.0.0.1:{dns_management}",
        )
    finally:
        for one in (server, helper):
            one.terminate()
            with suppress(subprocess.TimeoutExpired):
                one.wait(timeout=20)
        shutil.rmtree(folder)


def _free_ports(count: int) -> list[int]:
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(one.getsockname()[1]) for one in probes]
    for one in probes:
        one.close()
    return ports


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
