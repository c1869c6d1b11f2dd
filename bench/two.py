"""A web node and a compute node beside the peers of two hops, as `bench/run.py` measures them."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.peers.servers import Pems
from hermetic.certificates.credential import Credential
from hermetic.certificates.roles import Role
from tests.support.installation import Installation, Node
from tests.support.product import environment

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Two:
    """A web node, a compute node behind it, and a token for the service that is published."""

    web: Node
    compute: Node
    token: str
    pems: Pems

    @property
    def pids(self) -> tuple[int, int]:
        """The processes of both."""
        assert self.web.process is not None
        assert self.compute.process is not None
        return self.web.process.pid, self.compute.process.pid


@contextmanager
def running(folder: Path, service: Path) -> Iterator[Two]:
    """Run both with *service* published as `dot` 1.0."""
    installation = Installation(folder)
    compute = installation.add_compute({"Pool": {"InitialSize": 2, "MaxSize": 2}})
    web = installation.add_web()
    try:
        installation.start()
        token = web.token()
        _publish(web, token, service)
        yield Two(web, compute, token, _pems(installation, folder))
    finally:
        installation.stop()


def _publish(web: Node, token: str, service: Path) -> None:
    hermetic = [sys.executable, "-m", "hermetic.cli.main", "service", "publish"]
    reach = environment(
        HERMETIC_URL=web.url,
        HERMETIC_CA=str(web.ca),
        HERMETIC_TOKEN=token,
        HERMETIC_HOME=str(web.home),
    )
    options = [str(service), "--name", "dot", "--version", "1.0"]
    subprocess.run([*hermetic, *options], env=reach, check=True, stdout=subprocess.DEVNULL)


def _pems(installation: Installation, folder: Path) -> Pems:
    issue = installation.authority.issue
    return Pems(
        _written(folder, "api", issue("localhost", "127.0.0.1", role=Role.API)),
        _written(folder, "compute", issue("compute-1", role=Role.COMPUTE)),
        _written(folder, "authentication", installation.authentication),
        installation.ca,
        "compute-1",
    )


def _written(folder: Path, name: str, credential: Credential) -> tuple[Path, Path]:
    chain, key = folder / f"{name}.crt", folder / f"{name}.key"
    chain.write_bytes(credential.chain_pem)
    key.touch(mode=0o600)
    key.write_bytes(credential.key_pem)
    return chain, key
