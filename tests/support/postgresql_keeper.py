"""Starts a PostgreSQL server, and keeps one until nobody needs it.

Run as a program it goes into the background once the server is ready, and ends it when it gets
the lock that every process which uses the server shares.  Needs nothing but Python, so that it
starts fast; `tests.support.postgresql` is for tests.
"""

import contextlib
import fcntl
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

PATIENCE_S = 60
PERIOD_S = 0.02
TRIES = 3

ADMIN = "admin"

# Within the machine everybody comes in sealed or through the folder; `certified` by certificate.
RULES = """
local all all scram-sha-256
hostssl all certified 127.0.0.1/32 cert
hostssl all all 127.0.0.1/32 scram-sha-256
"""
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "ssl": "on",
    "ssl_ca_file": "{folder}/ca.crt",
    "ssl_cert_file": "{folder}/server.crt",
    "ssl_key_file": "{folder}/server.key",
    "hba_file": "{folder}/rules",
    # What only the power's going costs, and what only tests of days need.
    "fsync": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "shared_buffers": "32MB",
}


def prepare(programs: Path, folder: Path, password: str) -> None:
    """Make an empty cluster in *folder*, in which the certificates lie already."""
    (folder / "rules").write_text(RULES)
    (folder / "password").write_text(password)
    folder.chmod(0o755)
    for key in folder.glob("*.key"):
        key.chmod(0o600)
    for path in (folder, *folder.iterdir()):
        if os.geteuid() == 0:
            shutil.chown(path, *_whom())
    run = [
        str(programs / "initdb"),
        "-D",
        str(folder / "data"),
        "-U",
        ADMIN,
        "-A",
        "scram-sha-256",
        "--no-sync",
    ]
    run += ["--encoding=UTF8", "--locale=C.UTF-8", f"--pwfile={folder / 'password'}"]
    with (folder / "initdb.log").open("wb") as log:
        status = _start(folder, run, log.fileno()).wait(PATIENCE_S)
    if status:
        raise SystemExit((folder / "initdb.log").read_text())


def begin(
    programs: Path, folder: Path, *, port: int = 0, largest_file: int | None = None
) -> tuple[subprocess.Popen[bytes], int]:
    """Start the server of *folder*, and return it and its port once it takes connections.

    With *largest_file*, in bytes, no file of its can grow beyond that.
    """
    for _ in range(TRIES):
        chosen = port or _free_port()
        run = [
            str(programs / "postgres"),
            "-D",
            str(folder / "data"),
            "-p",
            str(chosen),
            "-k",
            str(folder),
        ]
        for name, value in SETTINGS.items():
            run += ["-c", f"{name}={value.format(folder=folder)}"]
        if largest_file is not None:
            run = ["prlimit", f"--fsize={largest_file}", *run]
        with (folder / "server.log").open("ab") as log:
            server = _start(folder, run, log.fileno())
        if _is_ready(server, folder / "data" / "postmaster.pid"):
            return server, chosen
    raise SystemExit((folder / "server.log").read_text())


def end(server: subprocess.Popen[bytes]) -> None:
    """End the server, connections and all."""
    server.send_signal(signal.SIGINT)
    server.wait(PATIENCE_S)


def keep(programs: Path, folder: Path, users: Path, ready: Path) -> None:
    """Keep a server until the lock of *users* can be had alone; *ready* tells of it.

    The password comes on standard input.  Returns once the server is ready, in the process that
    called; another one keeps it.
    """
    password = sys.stdin.readline().rstrip("\n")
    told, tell = os.pipe()
    if os.fork():
        os.close(tell)
        if not os.read(told, 1):
            raise SystemExit("PostgreSQL did not start.")
        return
    os.setsid()
    try:
        prepare(programs, folder, password)
        server, port = begin(programs, folder)
        ready.write_text(json.dumps({"folder": str(folder), "port": port}))
        os.write(tell, b"!")
        with users.open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            ready.unlink()
            end(server)
    finally:
        shutil.rmtree(folder)


def _start(folder: Path, command: list[str], output: int) -> subprocess.Popen[bytes]:
    user, group = _whom() if os.geteuid() == 0 else (None, None)
    return subprocess.Popen(
        command,
        cwd=folder,
        user=user,
        group=group,
        extra_groups=[] if user else None,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"},
        start_new_session=True,  # an interrupt from the keyboard is for the tests
    )


def _whom() -> tuple[int, int]:
    """Return the user and group of a server that root starts, since it refuses to be root."""
    for name in ("postgres", "nobody"):
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return found.pw_uid, found.pw_gid
    raise SystemExit("There is neither a user postgres nor nobody.")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def _is_ready(server: subprocess.Popen[bytes], file: Path) -> bool:
    """Wait until the server says in *file* that it is ready; false if it ended instead."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        lines = file.read_text().splitlines() if file.exists() else []
        if len(lines) > 7 and lines[7].strip() == "ready":
            return True
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(PERIOD_S)
            return False
    return False


if __name__ == "__main__":
    keep(*map(Path, sys.argv[1:]))
