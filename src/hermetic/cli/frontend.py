"""`hermetic frontend`: what stands in front of nodes, and how it is set up.

Writes text and nothing else: whoever runs the reverse proxy decides when to take it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

import click

from hermetic.certificates.names import ServerName
from hermetic.cli import output
from hermetic.cli.connection import Command, gathered, json_option
from hermetic.config.home import write_file
from hermetic.errors import BadInput
from hermetic.fronts import iis as iis_front
from hermetic.fronts import nginx as nginx_front
from hermetic.fronts.files import Files
from hermetic.fronts.front import EVERYWHERE, Front, Profile, Role, Upstream
from hermetic.fronts.proxies import Proxies

_OPEN = (
    "Whoever reaches this front reaches the compute node: demand the web nodes' certificate with"
    " {}, or let a firewall admit web nodes only."
)


@dataclass(frozen=True)
class Asked:
    """What is asked of any front."""

    role: str
    server_names: tuple[str, ...]
    upstreams: tuple[str, ...]
    upstream_name: str | None
    profile: str | None
    port: int

    def front(self) -> Front:
        """Return it as a front."""
        role = Role(self.role)
        # Between our own nodes there is nobody who could not speak TLS 1.3.
        profile = self.profile or (Profile.MODERN if role is Role.COMPUTE else Profile.INTERMEDIATE)
        return Front(
            role,
            tuple(map(ServerName.parse, self.server_names)),
            Upstream.parse(self.upstreams, self.upstream_name, role),
            Profile(profile),
            port=self.port,
        )


@dataclass(frozen=True)
class Listening:
    """Where nginx listens, and whom it believes."""

    http: str
    http_port: int
    listen: tuple[str, ...]
    trusted_proxies: tuple[str, ...]

    def applied(self, front: Front) -> Front:
        """Return *front* as it listens."""
        return replace(
            front,
            addresses=tuple(_addresses(self.listen)) or EVERYWHERE,
            redirect_from=self.http_port if self.http == "redirect" else None,
            proxies=Proxies.parse(self.trusted_proxies),
        )


def _asking(command: Command) -> Command:
    """Give *command* the options of any front."""
    command = gathered(Asked, "asked")(command)
    options = (
        click.option("--port", type=int, default=443, show_default=True, help="The port of HTTPS."),
        click.option(
            "--profile",
            type=click.Choice([one.value for one in Profile]),
            help="Mozilla's profile.  [default: modern for compute, intermediate for web]",
        ),
        click.option("--upstream-name", help="The name that the certificates of all nodes carry."),
        click.option(
            "--upstream",
            "upstreams",
            multiple=True,
            metavar="URL",
            help="A node behind it, or a range.  [default: https://127.0.0.1:12800, 12805]",
        ),
        click.option(
            "--server-name",
            "server_names",
            multiple=True,
            required=True,
            metavar="NAME",
            help="The host that clients call.",
        ),
        click.option(
            "--role",
            type=click.Choice([one.value for one in Role]),
            required=True,
            help="What is behind it.",
        ),
    )
    for option in options:
        command = option(command)
    return command


def _writing(command: Command) -> Command:
    """Give *command* the options that say where its text goes."""
    option = click.option("--out", type=Path, metavar="FILE", help="A file to write instead.")
    return option(json_option(command))


@click.group()
def frontend() -> None:
    """Set up what stands in front of nodes."""


@frontend.group()
def config() -> None:
    """Write the configuration of a reverse proxy."""


@config.command()
@_asking
@click.option("--certificate", required=True, metavar="PATH", help="The chain, leaf first.")
@click.option("--key", required=True, metavar="PATH", help="Its private key.")
@click.option("--client-ca", metavar="PATH", help="Demand a certificate of this authority.")
@click.option("--client-crl", metavar="PATH", help="And one that is not on these lists.")
@click.option("--upstream-ca", metavar="PATH", help="The authority of the nodes.")
@click.option("--upstream-certificate", metavar="PATH", help="What nginx shows to the nodes.")
@click.option("--upstream-key", metavar="PATH", help="Its private key.")
@click.option(
    "--access-log", default=Files.access_log, show_default=True, metavar="PATH", help="The log."
)
@click.option(
    "--http",
    type=click.Choice(["redirect", "off"]),
    default="off",
    show_default=True,
    help="Whether plain HTTP is redirected (308), or not listened for.",
)
@click.option("--http-port", type=int, default=80, show_default=True, help="The port of HTTP.")
@click.option("--listen", multiple=True, metavar="ADDRESS", help="Listen there.  [default: all]")
@click.option(
    "--trusted-proxy",
    "trusted_proxies",
    multiple=True,
    metavar="ADDRESS",
    help="A proxy before this one that is believed about its clients.",
)
@gathered(Listening, "listening")
@gathered(Files, "files")
@_writing
def nginx(
    asked: Asked, listening: Listening, files: Files, *, out: Path | None, as_json: bool
) -> None:
    """Write the configuration of nginx: TLS in front, TLS again to the nodes.

    It is written for Debian 12 and belongs into /etc/nginx/conf.d.  Paths are those on the
    machine of nginx.  The way to the nodes is plain HTTP only if --upstream says http://, and
    only within the machine.
    """
    front = listening.applied(asked.front())
    text = nginx_front.configuration(front, files)
    if front.role is Role.COMPUTE and files.client_ca is None:
        output.note(_OPEN.format("--client-ca"))
    _give(text, out, "check it with `nginx -t`, then `systemctl reload nginx`", as_json=as_json)


@config.command()
@_asking
@click.option(
    "--certificate",
    required=True,
    metavar="THUMBPRINT",
    help="Of the certificate in Windows' store LocalMachine\\My.",
)
@click.option("--client-certificate", is_flag=True, help="Demand a certificate of every client.")
@_writing
def iis(
    asked: Asked,
    *,
    certificate: str,
    client_certificate: bool,
    out: Path | None,
    as_json: bool,
) -> None:
    """Write a PowerShell script that sets up IIS, and the web.config of its site.

    It is generated, and not tested on Windows.
    """
    front = asked.front()
    text = iis_front.script(front, certificate, demands_certificate=client_certificate)
    if front.role is Role.COMPUTE and not client_certificate:
        output.note(_OPEN.format("--client-certificate"))
    _give(text, out, "try it on a machine that may fail: it was never tested", as_json=as_json)


def _give(text: str, out: Path | None, next_step: str, *, as_json: bool) -> None:
    if out is not None:
        write_file(out.absolute(), text.encode())
        output.note(f"Wrote {out}: {next_step}.")
    if as_json:
        output.show_json({"file": str(out) if out else None, "text": text})
    elif out is None:
        output.show(text.replace("\r\n", "\n").rstrip("\n"))


def _addresses(texts: tuple[str, ...]) -> Iterator[IPv4Address | IPv6Address]:
    for text in texts:
        try:
            yield ip_address(text)
        except ValueError:
            raise BadInput(
                f"{text[:100]!r} is no address to listen on: write one of this machine, such as"
                " 10.0.0.7 or ::1."
            ) from None
