"""knot as Debian packages it, authoritative for the same zone as bind9 (`tests.support.bind`)."""

import base64
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.bind import KEY, ZONE, Bind, free_port, is_open
from tests.support.product import until

PROGRAM = shutil.which("knotd", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
needs_knot = pytest.mark.skipif(PROGRAM is None, reason="knot is not installed")

_CONFIGURATION = """
server:
    rundir: "{folder}"
    listen: 127.0.0.1@{port}
database:
    storage: "{folder}"
key:
  - id: {key}
    algorithm: hmac-sha256
    secret: {secret}
acl:
  - id: updates
    key: {key}
    action: update
    update-type: TXT
zone:
  - domain: site.test
    storage: "{folder}"
    file: site.zone
    acl: updates
log:
  - target: stderr
    any: info
"""


@contextmanager
def running(*records: str) -> Iterator[Bind]:
    """Serve `site.test` with *records*, lines of a zone file."""
    assert PROGRAM is not None
    folder = Path(tempfile.mkdtemp(prefix="knot-of-tests-"))
    port, secret = free_port(), base64.b64encode(os.urandom(32)).decode()
    configuration = folder / "knot.conf"
    configuration.write_text(
        _CONFIGURATION.format(folder=folder, port=port, key=KEY, secret=secret)
    )
    (folder / "site.zone").write_text(ZONE + "\n".join(records) + "\n")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([PROGRAM, "-c", str(configuration)], stdout=log, stderr=log)
    try:
        until(lambda: is_open(port), within_s=20)
        until(lambda: b"server started" in (folder / "log").read_bytes(), within_s=20)
        yield Bind(port, secret)
    finally:
        process.terminate()
        process.wait(timeout=20)
        shutil.rmtree(folder)
