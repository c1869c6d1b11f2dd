"""`hermetic up`: one box in the foreground, from its first start to its end."""

import os
import re
from dataclasses import dataclass, fields
from pathlib import Path

import click

from hermetic.cli import output
from hermetic.cli.concealment import revealed
from hermetic.cli.connection import gathered, home_option, json_option
from hermetic.cli.settings import resolved
from hermetic.config.conversion import Given
from hermetic.config.home import Home
from hermetic.config.layers import Source
from hermetic.config.sections import is_this_machine
from hermetic.config.settings import Settings
from hermetic.errors import BadConfiguration
from hermetic.wiring import onebox
from hermetic.wiring.life import Announce, Ready

_SIZE = re.compile(r"([0-9]+)\s*(|[KMG]i?)B?\Z", re.IGNORECASE)
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 2**10, "mi": 2**20, "gi": 2**30}


@dataclass(frozen=True)
class Flags:
    """The settings that have a flag; `None` and nothing leave the weaker layers their say."""

    host: str | None
    port: int | None
    tls: str | None
    plain_http: bool
    names: tuple[str, ...]
    certificate_folder: Path | None
    workers: int | None
    call_deadline: float | None
    worker_memory: int | None
    log_level: str | None

    def sources(self) -> tuple[Source, ...]:
        """Return them as the strongest layer of the settings."""
        told: dict[str, tuple[str, Given]] = {
            "host": ("Kestrel.Host", self.host),
            "port": ("Kestrel.Port", self.port),
            "plain_http": ("Kestrel.HttpsEnabled", False if self.plain_http else None),
            "tls": ("Tls.Profile", self.tls),
            "names": ("Certificates.Names", self.names or None),
            "certificate_folder": (
                "Certificates.Folder",
                str(self.certificate_folder.absolute()) if self.certificate_folder else None,
            ),
            "workers": ("Pool.InitialSize", self.workers),
            "call_deadline": ("Limits.CallSeconds", self.call_deadline),
            "worker_memory": ("Limits.WorkerMemoryBytes", self.worker_memory),
            "log_level": ("Logging.LogLevel.Default", self.log_level),
        }
        return tuple(
            Source(key, value, "flag --" + one.name.replace("_", "-").replace("names", "name"))
            for one in fields(self)
            for key, value in [told[one.name]]
            if value is not None
        )


def _bytes(_context: click.Context, _parameter: click.Parameter, text: str | None) -> int | None:
    if text is None:
        return None
    size = _SIZE.match(text.strip())
    if size is None:
        raise click.BadParameter(f"{text!r} is no size: write 512MiB or 4GiB.")
    return int(size[1]) * _UNITS[size[2].lower()]


@click.command()
@home_option
@click.option("--host", help="The name or address to listen on.  [default: localhost]")
@click.option("--port", type=int, help="The port; 0 takes any free one.  [default: 12800]")
@click.option("--tls", type=click.Choice(["intermediate", "modern"]), help="Mozilla's profile.")
@click.option("--name", "names", multiple=True, help="A further name or address to certify.")
@click.option(
    "--certificate-folder", type=Path, help="A folder with tls.crt and tls.key to present instead."
)
@click.option(
    "--admin-password", help="The administrator's, at the first start only. Seen by nobody."
)
@click.option("--workers", type=int, help="Interpreters that stand ready.  [default: 5]")
@click.option("--call-deadline", type=float, help="Seconds a call may run.  [default: 60]")
@click.option("--worker-memory", callback=_bytes, help="Such as 512MiB.  [default: 4GiB]")
@click.option("--log-level", help="Such as Information.  [default: Information]")
@click.option("--plain-http", is_flag=True, help="Speak HTTP without TLS; on this machine only.")
@click.option(
    "--insecure-plain-http-beyond-this-machine",
    "insecure",
    is_flag=True,
    help="Send passwords and data readable through the network.",
)
@json_option
@gathered(Flags, "flags")
def up(
    flags: Flags, home: Home, *, admin_password: str | None, insecure: bool, as_json: bool
) -> None:
    """Start one box and serve until Ctrl-C or SIGTERM.

    The first start makes the home: an authority of our own, a certificate for this machine's
    names, the database, and the account `admin` with a password that is shown once.  Later
    starts use all of it again.
    """
    # Before anything is made: nothing in a home may ever be open to others, not for an instant.
    os.umask(0o077)
    password = revealed() or admin_password
    settings = resolved(Settings, home, flags.sources()).settings
    _refuse_openness(settings, insecure=insecure)
    home.create()
    with home.locked():
        onebox.serve(home, settings, password=password, announce=_announce(home, as_json=as_json))


def _refuse_openness(settings: Settings, *, insecure: bool) -> None:
    """Refuse to listen without TLS where others could read along."""
    host = settings.kestrel.host
    if settings.kestrel.https_enabled or insecure or is_this_machine(host):
        return
    raise BadConfiguration(
        f"Plain HTTP on {host} would send passwords and data readable through the network:"
        " leave --plain-http out, listen on localhost, or say"
        " --insecure-plain-http-beyond-this-machine."
    )


def _announce(home: Home, *, as_json: bool) -> Announce:
    return _in_json if as_json else lambda ready: _in_words(home, ready)


def _in_json(ready: Ready) -> None:
    ca = str(ready.ca) if ready.ca else None
    line: dict[str, object] = {"url": ready.url, "ca": ca, "pid": ready.pid}
    if ready.password is not None:
        line["password"] = ready.password
    output.show_json(line)


def _in_words(home: Home, ready: Ready) -> None:
    plain = ready.url.startswith("http:")
    where = "" if str(home.root) == os.environ.get("HERMETIC_HOME") else f" --home {home.root}"
    trust = f" --cacert {ready.ca}" if ready.ca else ""
    supplied = "none: anyone may listen" if plain else "that of the certificate you supplied"
    pairs = [("home", str(home.root)), ("CA file", str(ready.ca or supplied))]
    if ready.password is not None:
        pairs += [("account", "admin"), ("password", f"{ready.password}  (shown only now)")]
    pairs += [
        ("log in", f"hermetic login{where}{' --plain-http' if plain else ''}"),
        ("look", f"curl{trust} {ready.url}/readyz"),
        ("stop", "Ctrl-C"),
    ]
    output.show(f"Hermetic is ready at {ready.url}\n")
    output.show_pairs((f"  {name}", value) for name, value in pairs)
