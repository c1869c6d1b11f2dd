"""`hermetic certificate check`: what any server presents, and what is wrong with it."""

import asyncio
import re
import socket
from logging import CRITICAL
from pathlib import Path

import click

from hermetic import log
from hermetic.cli import output
from hermetic.cli.connection import json_option
from hermetic.cli.findings import show
from hermetic.client.peer import Shown, shown_by
from hermetic.clock import system_clock
from hermetic.diagnostics import hop, report
from hermetic.diagnostics.check import Finding, Level, worst
from hermetic.errors import BadInput
from hermetic.wiring.looking import outside_of

_PLACE = re.compile(r"(?:https://)?(\[[0-9a-fA-F:.]+\]|[^\[\]:/]+)(?::([0-9]{1,5}))?/?\Z")


@click.command()
@click.argument("place", metavar="HOST[:PORT]")
@click.option("--ca", type=Path, help="The authority to judge by.  [default: the system's]")
@json_option
def check(place: str, ca: Path | None, *, as_json: bool) -> int:
    """Say what the server at HOST presents on PORT (443), and what is wrong with it.

    It is looked at as a client would: chain, name, purpose, time, protocol, cipher.  Exits with
    1 if no client should take it.
    """
    host, port = _parsed(place)
    outside = outside_of(ca, None)
    target = hop.Hop(f"{host}:{port}", host, port, outside.judged, at=f"on {host}")
    with log.for_a_command(node=socket.gethostname(), level=CRITICAL):
        findings = asyncio.run(hop.look(target, system_clock()))
    shown = shown_by(host, port, timeout_s=hop.WITHIN_S) if _is_open(findings) else None
    if as_json:
        output.show_json({**report.in_json(findings), "presented": _described(shown)})
    else:
        _show(findings, shown)
    return 1 if worst(findings) is Level.FAIL else 0


def _parsed(place: str) -> tuple[str, int]:
    found = _PLACE.match(place)
    port = int(found[2] or 443) if found else 0
    if found is None or not 0 < port < 1 << 16:
        raise BadInput(f"{place[:100]!r} is no HOST or HOST:PORT: write models.example.com:443.")
    return found[1].strip("[]"), port


def _is_open(findings: list[Finding]) -> bool:
    return not findings[-1].code.startswith(("port.", "dns."))


def _described(shown: Shown | None) -> dict[str, object] | None:
    if shown is None:
        return None
    return {
        "names": list(shown.names),
        "issuer": shown.issuer,
        "notBefore": f"{shown.not_before:%Y-%m-%dT%H:%M:%SZ}",
        "notAfter": f"{shown.not_after:%Y-%m-%dT%H:%M:%SZ}",
    }


def _show(findings: list[Finding], shown: Shown | None) -> None:
    if shown is not None:
        output.show_pairs(
            [
                ("names", ", ".join(shown.names) or "-"),
                ("issuer", shown.issuer),
                ("valid from", f"{shown.not_before:%Y-%m-%d %H:%M} UTC"),
                ("expires", f"{shown.not_after:%Y-%m-%d %H:%M} UTC"),
            ]
        )
        output.show("")
    show(findings)
