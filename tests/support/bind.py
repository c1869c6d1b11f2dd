"""bind9 as Debian packages it, authoritative for one zone on a port of the loopback address."""

import base64
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import dns.message
import dns.query
import dns.rdatatype
import pytest

from tests.support.product import until

PROGRAM = shutil.which("named", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
needs_bind = pytest.mark.skipif(PROGRAM is None, reason="bind9 is not installed")

_CONFIGURATION = """
options {{
    directory "{folder}";
    listen-on port {port} {{ 127.0.0.1; }};
    listen-on-v6 {{ none; }};
    recursion no;
    pid-file "{folder}/named.pid";
    session-keyfile none;
    dnssec-validation no;
    empty-zones-enable no;
}};
controls {{ }};
key "{key}" {{ algorithm hmac-sha256; secret "{secret}"; }};
zone "site.test" {{
    type primary; file "{folder}/site.zone"; update-policy {{ grant {key} zonesub TXT A AAAA; }};
}};
"""
KEY = "updates-of-tests"
ZONE = """$TTL 300
@ IN SOA ns.site.test. admin.site.test. 1 60 60 60 60
@ IN NS ns.site.test.
ns IN A 127.0.0.1
"""


@dataclass(frozen=True)
class Bind:
    """A server that runs."""

    port: int
    secret: str

    def key_file(self, path: Path) -> Path:
        """Write the key that may change TXT records to *path*, as tsig-keygen does."""
        path.touch(mode=0o600)
        path.write_text(
            f'key "{KEY}" {{\n\talgorithm hmac-sha256;\n\tsecret "{self.secret}";\n}};\n'
        )
        return path

    def addresses(self, name: str) -> set[str]:
        """Return the addresses of *name*, of both families."""
        found = set()
        for kind in ("A", "AAAA"):
            query = dns.message.make_query(name, kind)
            answer = dns.query.udp(query, "127.0.0.1", port=self.port, timeout=10)
            found |= {record.address for one in answer.answer for record in one}
        return found

    def texts(self, name: str) -> set[str]:
        """Return the TXT records of *name*."""
        query = dns.message.make_query(name, "TXT")
        answer = dns.query.udp(query, "127.0.0.1", port=self.port, timeout=10)
        return {
            b"".join(record.strings).decode()
            for found in answer.answer
            if found.rdtype == dns.rdatatype.TXT
            for record in found
        }


@contextmanager
def running(*records: str) -> Iterator[Bind]:
    """Serve `site.test` with *records*, lines of a zone file."""
    assert PROGRAM is not None
    folder = Path(tempfile.mkdtemp(prefix="bind-of-tests-"))
    port = free_port()
    secret = base64.b64encode(os.urandom(32)).decode()
    (folder / "named.conf").write_text(
        _CONFIGURATION.format(folder=folder, port=port, key=KEY, secret=secret)
    )
    (folder / "site.zone").write_text(ZONE + "\n".join(records) + "\n")
    options = ["-g", "-c", str(folder / "named.conf")]
    if os.geteuid() == 0:
        account = pwd.getpwnam("bind")
        for path in (folder, *folder.iterdir()):
            os.chown(path, account.pw_uid, account.pw_gid)
        options += ["-u", "bind"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([PROGRAM, *options], stdout=log, stderr=log)
    try:
        # "running as" stands there at once; what counts is the last word, and that it listens.
        until(lambda: (folder / "log").read_bytes().endswith(b" running\n"), within_s=20)
        until(lambda: is_open(port), within_s=20)
        yield Bind(port, secret)
    finally:
        process.terminate()
        process.wait(timeout=20)
        shutil.rmtree(folder)


def is_open(port: int) -> bool:
    """Whether something listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    """Return a port that neither UDP nor TCP has in use."""
    while True:
        with (
            socket.create_server(("127.0.0.1", 0)) as tcp,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        ):
            port = int(tcp.getsockname()[1])
            with suppress(OSError):
                udp.bind(("127.0.0.1", port))
                return port
