"""A front that runs: nginx as we have it configured, with certificates of one authority."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path

import httpx2

from hermetic.certificates.credential import Credential
from hermetic.certificates.names import ServerName
from hermetic.certificates.roles import Role as Purpose
from hermetic.fronts.files import Files
from hermetic.fronts.front import Front, Profile, Role, Upstream
from hermetic.fronts.nginx import configuration
from hermetic.fronts.proxies import Proxies
from tests.support.certificates import Hierarchy
from tests.support.nginx import Nginx, free_port, running


@dataclass(frozen=True)
class Desk:
    """A folder, and the authority of everything in it."""

    folder: Path
    authority: Hierarchy

    def write(self, name: str, content: bytes) -> str:
        """Write a file and return its path."""
        path = self.folder / name
        path.write_bytes(content)
        return str(path)

    def pair(self, name: str, credential: Credential) -> tuple[str, str]:
        """Write certificate and key of *credential* and return their paths."""
        return (
            self.write(f"{name}.pem", credential.chain_pem),
            self.write(f"{name}.key", credential.key_pem),
        )

    @property
    def ca(self) -> str:
        """The authority's certificate, for whoever is to trust it."""
        return self.write("ca.pem", self.authority.root_pem)

    def files(self, *names: str, **more: str) -> Files:
        """Return the files of a front whose certificate is for *names*, by default this host's."""
        certificate, key = self.pair("front", self.authority.issue(*names))
        log = str(self.folder / "front.access.log")
        return Files(certificate, key, access_log=log, **more)

    def client(self, authority: Hierarchy | None = None) -> tuple[str, str]:
        """Return the files of a certificate a client may show."""
        issued = (authority or self.authority).issue("client.test", role=Purpose.AUTHENTICATION)
        return self.pair("client", issued)

    def server_context(self, *names: str, demanding: bool = False) -> ssl.SSLContext:
        """Return the TLS of a node whose certificate is for *names*."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_cert_chain(*self.pair("node", self.authority.issue(*names)))
        if demanding:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.ca)
        return context


@dataclass(frozen=True)
class Fronted:
    """A front that runs."""

    desk: Desk
    nginx: Nginx
    front: Front

    def context(self, shown: tuple[str, str] | None = None) -> ssl.SSLContext:
        """Return the TLS of a client that trusts the front, and shows a certificate if it has."""
        context = ssl.create_default_context(cafile=self.desk.ca)
        if shown is not None:
            context.load_cert_chain(*shown)
        return context

    def client(
        self,
        shown: tuple[str, str] | None = None,
        *,
        source: str | None = None,
        token: str | None = None,
    ) -> httpx2.Client:
        """Return a client of the front, which may show a certificate, or call from an address."""
        return httpx2.Client(
            base_url=f"https://localhost:{self.front.port}",
            transport=httpx2.HTTPTransport(verify=self.context(shown), local_address=source),
            headers={"authorization": f"Bearer {token}"} if token else {},
            timeout=30,
        )


@contextmanager
def fronting(
    desk: Desk,
    *nodes: str,
    files: Files | None = None,
    name: str | None = "localhost",
    role: Role = Role.WEB,
    profile: Profile = Profile.INTERMEDIATE,
    redirects: bool = False,
    proxies: tuple[str, ...] = (),
) -> Iterator[Fronted]:
    """Run a front before *nodes* until left; it listens on loopback only."""
    upstream = Upstream.parse(nodes, name if nodes[0].startswith("https") else None, role)
    files = files or desk.files()
    if upstream.is_sealed and files.upstream_ca is None:
        files = replace(files, upstream_ca=desk.ca)
    front = Front(
        role,
        tuple(map(ServerName.parse, ("localhost", "127.0.0.1", "::1"))),
        upstream,
        profile,
        addresses=(ip_address("127.0.0.1"), ip_address("::1")),
        port=free_port(),
        redirect_from=free_port() if redirects else None,
        proxies=Proxies.parse(proxies),
    )
    with running(desk.folder, configuration(front, files), front.port) as nginx:
        yield Fronted(desk, nginx, front)
