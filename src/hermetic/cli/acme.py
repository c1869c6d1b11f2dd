"""`hermetic certificate issue --acme`: a certificate from an ACME server, now and for ever."""

import asyncio
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from logging import WARNING
from pathlib import Path
from typing import TypeVar

import click

from hermetic import log
from hermetic.certificates.credential import Credential
from hermetic.certificates.keys import KeyKind, generate
from hermetic.certificates.roles import Role, check
from hermetic.certificates.signing import request
from hermetic.certstore.files import FileStore
from hermetic.cli.settings import fitting
from hermetic.cli.stores import acting_as_owner
from hermetic.clock import system_clock
from hermetic.config.acme import CHALLENGES, Acme, place, sealed_address
from hermetic.config.editing import Setting, prepared
from hermetic.config.home import Home
from hermetic.config.sections import Certificates, NodeKestrel, refuse_two_certificates
from hermetic.errors import BadConfiguration, BadInput
from hermetic.wiring.acme import acme_issuer

Function = TypeVar("Function", bound=Callable[..., object])

_FILE = click.Path(path_type=Path, dir_okay=False)
_PORT = click.IntRange(1, 65535)


@dataclass(frozen=True)
class AcmeWish:
    """How an ACME server is asked, as it was typed."""

    acme: str | None
    ca: Path | None
    agree_tos: bool
    contact: tuple[str, ...]
    challenge: str
    http_port: int
    tls_port: int
    webroot: Path | None
    dns_server: str | None
    dns_key_file: Path | None
    dns_program: Path | None
    eab_kid: str | None
    eab_key_file: Path | None
    profile: str | None
    root: str | None

    def section(self) -> Acme:
        """Return the settings that say the same; raises `BadInput` if they cannot be meant."""
        if sealed_address(str(self.acme)) is None:
            raise BadInput(f"{str(self.acme)[:200]!r} is no https:// address of a directory.")
        if self.dns_server is not None and place(self.dns_server) is None:
            raise BadInput(f"{self.dns_server[:100]!r} is no address: write 10.0.0.53:53.")
        said: dict[str, object] = {}
        for one in fields(self):
            value = getattr(self, one.name)
            name = "directory" if one.name == "acme" else one.name
            if isinstance(value, Path):
                value = str(value.absolute())
            if value is not None:
                said[name] = value
        try:
            return Acme(**said)  # type: ignore[arg-type]
        except BadConfiguration as error:
            raise BadInput(error.text) from error


def acme_options(command: Function) -> Function:
    """Give *command* the options that say how an ACME server is asked."""
    for option in reversed(
        (
            click.option("--acme", metavar="URL", help="The directory of an ACME server to ask."),
            click.option("--ca", type=_FILE, help="The authority to believe that server by."),
            click.option("--agree-tos", is_flag=True, help="Agree to its terms of service."),
            click.option("--contact", multiple=True, help="A mail address for the account."),
            click.option(
                "--challenge",
                type=click.Choice(CHALLENGES),
                default="http-01",
                show_default=True,
                help="How it is proved that the names are ours.",
            ),
            click.option(
                "--http-port",
                type=_PORT,
                default=80,
                show_default=True,
                help="Where port 80 of the names leads to here.",
            ),
            click.option(
                "--tls-port",
                type=_PORT,
                default=443,
                show_default=True,
                help="Where port 443 of the names leads to here.",
            ),
            click.option(
                "--webroot",
                type=click.Path(path_type=Path, file_okay=False),
                help="A folder that another server serves on port 80.",
            ),
            click.option("--dns-server", metavar="IP[:PORT]", help="Takes updates (RFC 2136)."),
            click.option("--dns-key-file", type=_FILE, help="Their key, as tsig-keygen writes it."),
            click.option("--dns-program", type=_FILE, help="Changes the DNS instead."),
            click.option("--eab-kid", help="The name of an account the authority knows already."),
            click.option("--eab-key-file", type=_FILE, help="A file with the key of that account."),
            click.option("--profile", help="The profile to ask for, such as shortlived."),
            click.option("--root", help="A word in the name of the root to prefer."),
        )
    ):
        command = option(command)
    return command


@dataclass(frozen=True)
class Order:
    """What is asked for, and where it goes: the home if there is no *out*."""

    section: Acme
    names: tuple[str, ...]
    role: Role
    out: Path | None
    home: Home = field(repr=False)


def obtained(order: Order) -> Credential:
    """Return what the server issues; without a file to write it is kept, and renewed from now on.

    Raises:
        BadInput: The names cannot be proved that way.
        CertificateRejected: The server does not certify them, or not for that role.
        HomeLocked: A node runs in the home, and presents another certificate.
    """
    home = order.home
    _refuse_contradictions(order)
    with acting_as_owner(home), log.for_a_command(node=socket.gethostname(), level=WARNING):
        home.create()
        if order.out is not None:
            return _issued(order)
        with home.locked():
            write = prepared(home.settings, _settings(order.section, order.names))
            found = _issued(order)
            FileStore(home.certificates).write(order.role.value, found)
            write()
            return found


def _refuse_contradictions(order: Order) -> None:
    """Refuse what could not be meant, or would contradict the settings that are there."""
    try:
        wanted = Certificates(names=order.names, acme=order.section)
    except BadConfiguration as error:
        raise BadInput(error.text) from error
    if order.out is not None:
        return
    settings = fitting(order.home, None, None)
    if isinstance(settings.kestrel, NodeKestrel):
        refuse_two_certificates(settings.kestrel, wanted)
    there = settings.certificates
    if there.folder:
        raise BadConfiguration(
            "Certificates.Folder says already where the certificate comes from: remove it.",
            key="Certificates.Folder",
        )
    others = sorted(set(there.names) - set(order.names))
    if others:
        raise BadInput(
            f"The settings have {', '.join(others)} in Certificates.Names too, which would be"
            " certified no more: say --name for each, or remove them there."
        )


def _issued(order: Order) -> Credential:
    key = generate(KeyKind.EC_P256)
    issuer = acme_issuer(order.home, order.section, system_clock)
    chain = asyncio.run(issuer.issue(request(key, names=order.names), order.role))
    check(chain, order.role)
    return Credential(chain, key)


def _settings(section: Acme, names: Sequence[str]) -> dict[str, Setting]:
    """Return what is to be written into the settings: what differs from what holds anyway."""
    changes: dict[str, Setting] = {"Certificates.Names": list(names)}
    for one in fields(section):
        value = getattr(section, one.name)
        if value != one.default:
            name = "".join(part.capitalize() for part in one.name.split("_"))
            setting = list(value) if isinstance(value, tuple) else value
            changes[f"Certificates.Acme.{name}"] = setting
    return changes
