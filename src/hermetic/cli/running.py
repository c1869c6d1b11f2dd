"""`hermetic node run`: a web node or a compute node, from its start to its end."""

import os
import sys
from pathlib import Path
from typing import NoReturn

import click

from hermetic.cli import output
from hermetic.cli.concealment import revealed
from hermetic.cli.connection import Command, home_option, json_option
from hermetic.cli.settings import resolved
from hermetic.config.compute import ComputeSettings
from hermetic.config.home import Home
from hermetic.config.web import WebSettings
from hermetic.wiring import computenode, life, webnode
from hermetic.wiring.life import Announce, Ready


def _running(command: Command) -> Command:
    """Give *command* the options of any node that is run."""
    option = click.option(
        "--settings",
        "file",
        type=Path,
        help="The settings file.  [default: appsettings.json in the home]",
    )
    return home_option(option(json_option(command)))


@click.group()
def run() -> None:
    """Run a node in the foreground until Ctrl-C or SIGTERM, as systemd and containers want it.

    SIGTERM makes it unready, then lets what was begun end.  The home is private to one node.
    """


@run.command()
@click.option(
    "--admin-password", help="The administrator's, at the first start only. Seen by nobody."
)
@_running
def web(home: Home, file: Path | None, *, admin_password: str | None, as_json: bool) -> None:
    """Run a web node: it answers clients, and gives their calls to compute nodes."""
    # Before anything is made: nothing in a home may ever be open to others, not for an instant.
    os.umask(0o077)
    password = revealed() or admin_password
    found = resolved(WebSettings, home, file=file)
    life.begin_logging(found.settings.logging.log_level.default)
    life.tell_notes(found.notes)
    home.create()
    with home.locked():
        told = _announced(home, "web node", as_json=as_json)
        webnode.serve(home, found.settings, password=password, announce=told)


@run.command()
@_running
def compute(home: Home, file: Path | None, *, as_json: bool) -> None:
    """Run a compute node: it runs services and sessions for the web nodes that it lets in."""
    os.umask(0o077)
    found = resolved(ComputeSettings, home, file=file)
    life.begin_logging(found.settings.logging.log_level.default)
    life.tell_notes(found.notes)
    home.create()
    with home.locked():
        again = computenode.serve(
            home,
            found.settings,
            reread=lambda: resolved(ComputeSettings, home, file=file).settings,
            announce=_announced(home, "compute node", as_json=as_json),
        )
    if again:
        _begin_again()


def _begin_again() -> NoReturn:
    """Become the same command anew: one process for whoever watches it, with fresh settings."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - itself


def _announced(home: Home, role: str, *, as_json: bool) -> Announce:
    return _in_json if as_json else lambda ready: _in_words(home, role, ready)


def _in_json(ready: Ready) -> None:
    ca = str(ready.ca) if ready.ca else None
    line: dict[str, object] = {"url": ready.url, "ca": ca, "pid": ready.pid}
    if ready.password is not None:
        line["password"] = ready.password
    output.show_json(line)


def _in_words(home: Home, role: str, ready: Ready) -> None:
    pairs = [("home", str(home.root)), ("CA file", str(ready.ca or "-"))]
    if ready.password is not None:
        pairs += [("account", "admin"), ("password", f"{ready.password}  (shown only now)")]
    output.show(f"The {role} is ready at {ready.url}\n")
    output.show_pairs((f"  {name}", value) for name, value in [*pairs, ("stop", "Ctrl-C")])
