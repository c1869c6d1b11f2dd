"""`hermetic node install`: let systemd run a node, from the start of the machine on."""

import os
import pwd
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import click

from hermetic.cli import output
from hermetic.cli.connection import gathered, home_option, json_option
from hermetic.cli.settings import resolved
from hermetic.config.compute import ComputeSettings
from hermetic.config.home import Home, speaking_of
from hermetic.config.web import WebSettings
from hermetic.errors import BadInput
from hermetic.node.units import Unit

_UNITS = Path("/etc/systemd/system")
_BEYOND_DRAINING_S = 15.0


@dataclass(frozen=True)
class Wish:
    """How the node is to be run."""

    role: str
    file: Path | None
    account: str
    out: Path | None


@click.command()
@click.argument("role", type=click.Choice(["web", "compute"]))
@click.option(
    "--settings",
    "file",
    type=Path,
    help="The settings file.  [default: appsettings.json in the home]",
)
@click.option("--user", "account", default="hermetic", show_default=True, help="Who it runs as.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, allow_dash=True),
    metavar="FILE",
    help="Write the unit there, - for standard output.  [default: /etc/systemd/system]",
)
@home_option
@json_option
@gathered(Wish, "wish")
def install(wish: Wish, home: Home, *, as_json: bool) -> None:
    """Write the systemd unit of a web or compute node.

    The settings are checked, the home is made for the account, and what to run next is said;
    nothing is started.  The unit restarts a node that fails, watches over it, and lets it finish
    its calls when it is stopped.
    """
    unit = _unit(wish, home)
    text = unit.text()
    if wish.out is not None and str(wish.out) == "-":
        output.show(text.rstrip("\n"))
        return
    path = wish.out or _UNITS / unit.name
    _make_home(home, wish.account)
    with speaking_of(path):
        path.write_text(text)
        path.chmod(0o644)
    if as_json:
        output.show_json({"unit": str(path), "account": wish.account, "home": str(home.root)})
        return
    output.show(f"Wrote {path}. Next:\n")
    output.show(f"  systemctl daemon-reload && systemctl enable --now {unit.name}")
    output.show(f"  journalctl -fu {unit.name}")


def _unit(wish: Wish, home: Home) -> Unit:
    settings: WebSettings | ComputeSettings
    if wish.role == "web":
        settings = resolved(WebSettings, home, file=wish.file).settings
        notice_s = settings.limits.notice_seconds
    else:
        settings = resolved(ComputeSettings, home, file=wish.file).settings
        notice_s = 0.0
    return Unit(
        role=wish.role,
        # -I: nothing of the folder it is started in, and of no account's own, is imported.
        command=(sys.executable, "-I", "-m", "hermetic.cli.main"),
        account=wish.account,
        home=PurePosixPath(home.root),
        settings=PurePosixPath(wish.file.absolute()) if wish.file else None,
        port=settings.kestrel.port,
        stop_s=settings.limits.drain_seconds + notice_s + _BEYOND_DRAINING_S,
    )


def _make_home(home: Home, account: str) -> None:
    """Make the home for *account*, who alone may read in it."""
    try:
        user = pwd.getpwnam(account)
    except KeyError as error:
        folder = shlex.quote(str(home.root))
        raise BadInput(
            f"There is no account {account!r} on this machine: `useradd --system --shell"
            f" /usr/sbin/nologin --home-dir {folder} {shlex.quote(account)}` makes one."
        ) from error
    with speaking_of(home.root):
        if not home.root.exists():
            home.root.mkdir(mode=0o700, parents=True)
            os.chown(home.root, user.pw_uid, user.pw_gid)
