"""`hermetic dns`: whether clients that use a name come here."""

import ipaddress
from dataclasses import dataclass

import click

from hermetic.cli import output
from hermetic.cli.connection import gathered, json_option
from hermetic.client.resolving import Resolution, resolve
from hermetic.errors import BadInput, NotFound
from hermetic.node import host

OK, ELSEWHERE, MISSING = "ok", "points elsewhere", "does not resolve"


@dataclass(frozen=True)
class Asked:
    """What is to be checked, as it was typed."""

    name: str
    addresses: tuple[str, ...]
    servers: tuple[str, ...]
    server_port: int


@click.group()
def dns() -> None:
    """Check where names lead."""


@dns.command()
@click.argument("name")
@click.option(
    "--address",
    "addresses",
    multiple=True,
    help="Where it should lead: the front end's, a balancer's.  [default: this machine]",
)
@click.option("--server", "servers", multiple=True, help="A DNS server to ask, by its address.")
@click.option("--server-port", type=click.IntRange(1, 65535), default=53, show_default=True)
@json_option
@gathered(Asked, "asked")
def check(asked: Asked, *, as_json: bool) -> int:
    """Say whether NAME leads to this machine: ok, points elsewhere, or does not resolve.

    Beside it stands for how long resolvers may remember that (TTL): so long a change takes to
    reach everybody.  Exits with 1 unless it is ok.
    """
    wanted = {_address(one) for one in asked.addresses}
    try:
        found = resolve(asked.name, servers=asked.servers, port=asked.server_port)
    except NotFound as error:
        return _show(asked, MISSING, None, error.text, as_json=as_json)
    strangers = [one for one in found.addresses if not _leads_here(one, wanted)]
    if not strangers:
        return _show(asked, OK, found, "", as_json=as_json)
    expected = ", ".join(sorted(wanted)) or "this machine"
    text = f"{', '.join(strangers)} is not {expected}: change the A or AAAA record of {asked.name}."
    return _show(asked, ELSEWHERE, found, text, as_json=as_json)


def _show(asked: Asked, verdict: str, found: Resolution | None, text: str, *, as_json: bool) -> int:
    if as_json:
        output.show_json(
            {
                "name": asked.name,
                "verdict": verdict,
                "addresses": list(found.addresses) if found else [],
                "aliases": list(found.aliases) if found else [],
                "ttlSeconds": found.ttl_s if found else None,
                "text": text,
            }
        )
    else:
        pairs = [("verdict", verdict)]
        if found:
            pairs += [("addresses", ", ".join(found.addresses)), ("TTL", f"{found.ttl_s} s")]
            pairs += [("aliases", ", ".join(found.aliases))] if found.aliases else []
        output.show_pairs(pairs)
        if text:
            output.note(text)
    return 0 if verdict == OK else 1


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError as error:
        raise BadInput(
            f"{text[:100]!r} is no address: write 203.0.113.7 or 2001:db8::7."
        ) from error


def _leads_here(address: str, wanted: set[str]) -> bool:
    """Whether *address* is one that is wanted; or, if none is said, one of this machine."""
    if wanted:
        return address in wanted
    return host.is_here(address)
