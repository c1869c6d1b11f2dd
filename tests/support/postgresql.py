"""One real PostgreSQL for a whole run of tests, however many processes share the run.

It listens on 127.0.0.1 (TLS alone) and on a Unix socket, with certificates of an authority of
its own, and keeps nothing safe from a power cut.  A keeper beside the tests ends it once the
last process of the run has let go of a lock, even by dying.
"""

import fcntl
import json
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlencode

import psycopg
import pytest

from hermetic.certificates.roles import Role
from hermetic.database.connection_string import ConnectionParameters, SslMode
from tests.support import postgresql_keeper as keeper
from tests.support.certificates import hierarchy

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60
ROOM = 1024 * 1024 * 1024

OWNER, CERTIFIED, STRANGER = "hermetic", "certified", "stranger"
PASSWORD = "correct horse; 'battery' = \"staple\" %41\\"


@dataclass(frozen=True)
class Cluster:
    """A PostgreSQL that runs; its files, its socket and its certificates lie in `folder`."""

    folder: Path
    port: int

    def reach(self, database: str, *, user: str = OWNER) -> ConnectionParameters:
        """Return how *user* reaches *database*, as sealed as at a far host."""
        return ConnectionParameters(
            host="127.0.0.1",
            port=self.port,
            database=database,
            user=user,
            password=PASSWORD,
            ssl_mode=SslMode.VERIFY_FULL,
            root_certificate=str(self.folder / "ca.crt"),
        )

    def administer(self, sql: str) -> list[tuple[object, ...]]:
        """Run one statement as the administrator and return what it answers."""
        with psycopg.connect(
            host=str(self.folder),
            port=self.port,
            user=keeper.ADMIN,
            password=PASSWORD,
            dbname="postgres",
            autocommit=True,
        ) as connection:
            cursor = connection.execute(sql.encode())
            return cursor.fetchall() if cursor.description else []

    @contextmanager
    def database(self, options: str = "") -> Iterator[ConnectionParameters]:
        """Make an empty database for a while, and say how its owner reaches it."""
        name = f"test_{secrets.token_hex(6)}"
        self.administer(f"CREATE DATABASE {name} OWNER {OWNER} {options}")
        yield self.reach(name)
        self.administer(f"DROP DATABASE {name} WITH (FORCE)")


def uri(where: ConnectionParameters) -> str:
    """Return *where* as an address."""
    person = f"{quote(where.user, safe='')}:{quote(where.password or '', safe='')}"
    seal = urlencode({"sslmode": where.ssl_mode, "sslrootcert": where.root_certificate or ""})
    return f"postgresql://{person}@{where.host}:{where.port}/{where.database}?{seal}"


@contextmanager
def shared(meeting: Path) -> Iterator[Cluster]:
    """Take part in the one cluster of all processes that meet in the folder *meeting*."""
    programs = _programs()
    ready = meeting / "postgresql.json"
    with (meeting / "postgresql.users").open("w") as users:
        with (meeting / "postgresql.turn").open("w") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            fcntl.flock(users, fcntl.LOCK_SH)
            if not ready.exists():
                module = [sys.executable, "-m", keeper.__name__]
                command = [*module, programs, _certified_folder(), users.name, ready]
                subprocess.run(
                    command, cwd=ROOT, input=PASSWORD, text=True, check=True, timeout=PATIENCE_S
                )
                _make_roles(_found(ready))
        yield _found(ready)
        fcntl.flock(users, fcntl.LOCK_UN)
        # Granted at once while others go on, and else when the keeper has cleared up.
        fcntl.flock(users, fcntl.LOCK_SH)


class Alone:
    """A cluster of one test's own, which may be stopped and started."""

    def __init__(self, *, largest_file: int | None = None) -> None:
        self._programs = _programs()
        self._folder = _certified_folder()
        keeper.prepare(self._programs, self._folder, PASSWORD)
        self._server, port = keeper.begin(self._programs, self._folder, largest_file=largest_file)
        self.cluster = Cluster(self._folder, port)
        _make_roles(self.cluster)

    def stop(self) -> None:
        """End the server."""
        keeper.end(self._server)

    def start(self) -> None:
        """Start it again, at the same port."""
        self._server, _ = keeper.begin(self._programs, self._folder, port=self.cluster.port)

    def remove(self) -> None:
        """End it for good."""
        if self._server.poll() is None:
            self.stop()
        shutil.rmtree(self._folder)


def _programs() -> Path:
    """Return the folder of the newest server's programs, or skip the test."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if on_path := shutil.which("postgres"):
        found.insert(0, Path(on_path))
    if not found:
        pytest.skip("PostgreSQL is not installed (package postgresql)")
    return found[-1].parent


def _certified_folder() -> Path:
    """Make the folder of a cluster: not below pytest's, where only we may go."""
    memory = Path("/dev/shm")
    # A database is three hundred files, which a disk takes ten times as long to make.
    fits = memory.is_dir() and shutil.disk_usage(memory).free > ROOM
    folder = Path(tempfile.mkdtemp(prefix="postgresql-of-tests-", dir=memory if fits else None))
    above = hierarchy(name="PostgreSQL")
    server = above.issue("localhost", "127.0.0.1")
    client = above.issue(CERTIFIED, role=Role.AUTHENTICATION)
    (folder / "ca.crt").write_bytes(above.root_pem)
    (folder / "server.crt").write_bytes(server.chain_pem)
    (folder / "server.key").write_bytes(server.key_pem)
    (folder / "client.crt").write_bytes(client.chain_pem)
    (folder / "client.key").write_bytes(client.key_pem)
    return folder


def _found(ready: Path) -> Cluster:
    told = json.loads(ready.read_text())
    return Cluster(Path(told["folder"]), told["port"])


def _make_roles(cluster: Cluster) -> None:
    literal = PASSWORD.replace("'", "''")
    for role in (OWNER, CERTIFIED, STRANGER):
        cluster.administer(f"CREATE ROLE {role} LOGIN PASSWORD '{literal}'")
