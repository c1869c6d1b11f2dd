"""Several web and compute nodes, as an administrator sets them up: homes, stores, settings files.

Each node is `hermetic node run` with an `appsettings.json`, on an address of 127/8 of its own and
at the ports of the manual; one authority stands for the company's.
"""

import json
import secrets
import signal
import ssl
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx2

from hermetic.certificates.credential import Credential
from hermetic.certificates.keys import KeyKind, generate
from hermetic.certificates.names import DistinguishedName
from hermetic.certificates.roles import Role
from hermetic.certificates.selection import StoreLocation, StoreName
from hermetic.certificates.signing import self_signed
from hermetic.certstore.stores import Stores
from hermetic.config.home import Home
from hermetic.database.connection_string import ConnectionParameters
from tests.support.certificates import Hierarchy, hierarchy
from tests.support.product import PASSWORD, Product, environment

WEB, COMPUTE = 12800, 12805
SIGNING = "Hermetic token signing"
AUTHENTICATION = "web.hermetic.test"
PLACE = StoreLocation.LOCAL_MACHINE, StoreName.MY

Settings = dict[str, Any]


@dataclass
class Node:
    """One node: its home, its settings file, its address, and its process while it runs."""

    role: str
    home: Path
    address: str
    settings: Settings
    ca: Path
    process: subprocess.Popen[str] | None = None
    ready: dict[str, Any] = field(default_factory=dict)
    around: dict[str, str] = field(default_factory=dict)
    """What else stands in the environment of its processes."""

    @property
    def port(self) -> int:
        """The port it answers on."""
        return WEB if self.role == "web" else COMPUTE

    @property
    def url(self) -> str:
        """Where it is reached."""
        return f"https://{self.address}:{self.port}"

    @property
    def file(self) -> Path:
        """Its settings file."""
        return self.home.parent / f"{self.home.name}.appsettings.json"

    @property
    def stores(self) -> Stores:
        """Its certificate stores."""
        return Stores(self.home / "stores")

    @property
    def log(self) -> str:
        """What it has logged so far."""
        return (self.home.parent / f"{self.home.name}.stderr").read_text()

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events it has logged so far."""
        return [json.loads(line) for line in self.log.splitlines() if line.startswith("{")]

    def write(self) -> None:
        """Write the settings file as `settings` is now."""
        self.file.write_text(json.dumps(self.settings, indent=2))

    def begin(self) -> None:
        """Start it, and do not wait until it is ready."""
        ends = ["setpriv", "--pdeathsig", "KILL"]  # with the tests, also where one failed
        command = [*ends, sys.executable, "-m", "hermetic.cli.main", "node", "run", self.role]
        options = ["--json", "--home", str(self.home), "--settings", str(self.file)]
        told = {"HERMETIC_ADMIN_PASSWORD": PASSWORD} if self.role == "web" else {}
        with (self.home.parent / f"{self.home.name}.stderr").open("a") as errors:
            self.process = subprocess.Popen(
                [*command, *options],
                env=environment(**told, **self.around),
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )

    def await_ready(self) -> None:
        """Wait until it says that it is ready."""
        process = self.process
        assert process is not None
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            status = process.wait(timeout=30)
            raise AssertionError(f"{self.home.name} ended with {status}:\n{self.log}")
        self.ready = json.loads(line)

    def start(self) -> None:
        """Start it and wait until it is ready."""
        self.begin()
        self.await_ready()

    def stop(self, *, how: signal.Signals = signal.SIGTERM) -> int:
        """Stop it with a signal and return its exit status."""
        assert self.process is not None
        self.process.send_signal(how)
        status = self.process.wait(timeout=60)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process = None
        return status

    def client(self, token: str | None = None) -> httpx2.Client:
        """Return an HTTP client that trusts the company's authority, and nobody else."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        trusting = ssl.create_default_context(cafile=str(self.ca))
        return httpx2.Client(
            base_url=self.url, verify=trusting, headers=headers, timeout=60, trust_env=False
        )

    def token(self) -> str:
        """Log the administrator in and return the access token."""
        with self.client() as client:
            answer = client.post("/login", json={"username": "admin", "password": PASSWORD})
            answer.raise_for_status()
            return str(answer.json()["access_token"])

    def product(self) -> Product:
        """Return it as those see it who use one box."""
        assert self.process is not None
        return Product(self.home, self.url, self.ca, self.process, self.ready)


class Installation:
    """The nodes below one folder, and the authority of their company.

    Args:
        database: What the web nodes share; without it there can be one of them only.
    """

    def __init__(self, folder: Path, database: ConnectionParameters | None = None) -> None:
        self.folder, self.database = folder, database
        self.authority: Hierarchy = hierarchy(name="Company")
        self.webs: list[Node] = []
        self.computes: list[Node] = []
        self._network = f"127.{1 + secrets.randbelow(250)}.{secrets.randbelow(250)}"
        self.ca = folder / "company-ca.pem"
        self.ca.write_bytes(self.authority.root_pem)

    @property
    def nodes(self) -> list[Node]:
        """All nodes, those first that the others need."""
        return [*self.computes, *self.webs]

    @cached_property
    def signing(self) -> Credential:
        """What all web nodes sign tokens with."""
        key = generate(KeyKind.RSA_2048)
        life = timedelta(days=365)
        return self_signed(key, name=SIGNING, now=self.authority.now, life=life)

    @cached_property
    def authentication(self) -> Credential:
        """What web nodes show to compute nodes."""
        return self.authority.issue(AUTHENTICATION, role=Role.AUTHENTICATION)

    def address(self) -> str:
        """Return an address of this machine that no node of this installation has."""
        return f"{self._network}.{1 + len(self.webs) + len(self.computes)}"

    def add_compute(self, more: Mapping[str, Any] | None = None) -> Node:
        """Prepare a compute node; *more* settings replace sections."""
        address, number = self.address(), len(self.computes) + 1
        shown = self.authority.issue(f"compute-{number}", address, role=Role.COMPUTE)
        client = self.authentication.chain.leaf
        settings: Settings = {
            "Kestrel": _kestrel(address, f"CN=compute-{number}"),
            "ClientCertificate": {
                "Enabled": True,
                "Issuer": str(DistinguishedName.of(client.issuer)),
                "Subject": str(DistinguishedName.of(client.subject)),
            },
            "Pool": {"InitialSize": 1, "MaxSize": 8},
        }
        node = self._prepared("compute", f"compute-{number}", address, settings | dict(more or {}))
        node.stores.add(*PLACE, shown)
        self.computes.append(node)
        return node

    def add_web(self, more: Mapping[str, Any] | None = None) -> Node:
        """Prepare a web node for the compute nodes that were added; *more* as above."""
        address, number = self.address(), len(self.webs) + 1
        shown = self.authority.issue(f"web-{number}", address, role=Role.API)
        settings: Settings = {
            "Kestrel": _kestrel(address, f"CN=web-{number}"),
            "Authentication": {
                "JWTSigningCertificate": _chosen(self.signing.chain.subject),
            },
            "BackEndConfiguration": {
                "ClientCertificate": _chosen(f"CN={AUTHENTICATION}"),
                "Uris": {"Values": [one.url for one in self.computes]},
            },
            "Limits": {"NoticeSeconds": 1},
        }
        if self.database is not None:
            settings["ConnectionStrings"] = {
                "postgresql": {"Enabled": True, "Connection": connection_string(self.database)},
                "defaultDb": {"Enabled": False},
            }
        node = self._prepared("web", f"web-{number}", address, settings | dict(more or {}))
        for one in (shown, self.signing, self.authentication):
            node.stores.add(*PLACE, one)
        self.webs.append(node)
        return node

    def start(self) -> None:
        """Start every node that does not run, and wait until all are ready."""
        for some in (self.computes, self.webs):
            waiting = [one for one in some if one.process is None]
            for one in waiting:
                one.begin()
            for one in waiting:
                one.await_ready()

    def stop(self) -> None:
        """Stop every node that runs: what is tested is over."""
        for one in (*self.webs, *self.computes):
            if one.process is not None:
                one.stop(how=signal.SIGKILL)

    def _prepared(self, role: str, name: str, address: str, settings: Settings) -> Node:
        home = Home(self.folder / name)
        home.create()
        node = Node(role, home.root, address, settings, self.ca)
        root = self.authority.root_certificate
        node.stores.add_certificates(StoreLocation.LOCAL_MACHINE, StoreName.ROOT, [root])
        node.write()
        return node


def connection_string(where: ConnectionParameters) -> str:
    """Return *where* as settings files have it (Npgsql's form)."""
    parts = {
        "Host": where.host,
        "Port": where.port,
        "Database": where.database,
        "User ID": where.user,
        "Password": where.password or "",
        "SSL Mode": "VerifyFull",
        "Root Certificate": where.root_certificate,
    }
    return ";".join(f"{name}={_quoted(str(value))}" for name, value in parts.items())


def _quoted(value: str) -> str:
    plain = value.replace("-", "").replace("/", "").replace(".", "").replace("_", "").isalnum()
    return value if plain else '"' + value.replace('"', '""') + '"'


def _kestrel(address: str, subject: str) -> Settings:
    return {"Host": address, "HttpsEnabled": True, "HttpsCertificate": _chosen(subject)}


def _chosen(subject: str) -> Settings:
    return {
        "Enabled": True,
        "StoreName": "My",
        "StoreLocation": "LocalMachine",
        "SubjectName": subject,
    }
