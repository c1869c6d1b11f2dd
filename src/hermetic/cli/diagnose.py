"""`hermetic diagnose`: what is wrong, with a code, a cause and the command that mends it."""

import asyncio
import os
import socket
from logging import CRITICAL
from pathlib import Path

import click

from hermetic import log
from hermetic.cli import findings as shown
from hermetic.cli import output
from hermetic.cli.connection import Reach, json_option, reaching, target
from hermetic.cli.settings import fitting
from hermetic.clock import system_clock
from hermetic.config.roles import ROLES
from hermetic.diagnostics import here, report, webs
from hermetic.diagnostics.check import Finding, Level, worst
from hermetic.errors import HermeticError
from hermetic.wiring.inspecting import here_of
from hermetic.wiring.looking import outside_of
from hermetic.wiring.saying import said

_MEND = "hermetic settings check"


@click.command()
@click.option("--settings", "file", type=Path, help="The settings file of the node here.")
@click.option(
    "--role",
    type=click.Choice(list(ROLES)),
    help="What the node here is.  [default: what its settings fit]",
)
@reaching
@json_option
def diagnose(reach: Reach, file: Path | None, role: str | None, *, as_json: bool) -> int:
    """Look at the node of this machine, and through every web node at every compute node.

    Each hop is connected to and judged: reachability, certificate, protocol, whether strangers
    are refused; every compute node runs a piece of code.  Nothing is changed.  What is behind
    the web nodes only an Owner may look at, so log in before.  Exits with 1 if anything failed.
    """
    return run(reach, file, role, as_json=as_json)


def run(reach: Reach, file: Path | None, role: str | None, *, as_json: bool) -> int:
    """Look, print what was found, and return the exit code."""
    findings = found_by(reach, file, role)
    if as_json:
        output.show_json(report.in_json(findings))
    else:
        shown.show(findings)
        output.show(f"\n{report.summary(findings)}")
    return 1 if worst(findings) is Level.FAIL else 0


def found_by(reach: Reach, file: Path | None = None, role: str | None = None) -> list[Finding]:
    """Return what is found; what libraries log on the way is no part of it."""
    with log.for_a_command(node=socket.gethostname(), level=CRITICAL):
        return asyncio.run(_found(reach, file, role))


async def _found(reach: Reach, file: Path | None, role: str | None) -> list[Finding]:
    known = _web_node(reach)
    looks = [_there(reach)] if known else []
    home = reach.home
    if file or role or not known or home.settings.exists() or home.running.exists():
        looks.append(_here(reach, file, role))
    found = await asyncio.gather(*looks)
    return [one for some in found for one in some]


def _web_node(reach: Reach) -> bool:
    """Whether there is a web node to ask; what runs in the home of a compute node is none."""
    named = reach.url or os.environ.get("HERMETIC_URL") or reach.home.client.exists()
    if not named and not reach.home.database.exists():
        # A compute node keeps neither accounts nor services, so its home has no database.
        return False
    try:
        target(reach)
    except HermeticError:
        return False
    return True


async def _here(reach: Reach, file: Path | None, role: str | None) -> list[Finding]:
    try:
        settings = fitting(reach.home, file, role)
    except HermeticError as error:
        return [Finding("settings.invalid", "settings", error.text, _MEND)]
    findings = said(reach.home, settings)
    try:
        return [*findings, *await here.look(here_of(reach.home, settings), system_clock())]
    except HermeticError as error:
        return [*findings, Finding("settings.invalid", "settings", error.text)]


async def _there(reach: Reach) -> list[Finding]:
    meant = target(reach)
    try:
        outside = outside_of(meant.ca, meant.token, plain_http=meant.plain_http)
    except HermeticError as error:
        return [Finding("trust.unreadable", f"CA file {meant.ca}", error.text, "name it with --ca")]
    return await webs.look(meant.url, outside, system_clock())
