"""`hermetic dns`: whether clients that use a name come here."""

import ipaddress
from dataclasses import dataclass, replace

import click

from hermetic.cli import output
from hermetic.cli.connection import Reach, connected, gathered, json_option, reaching
from hermetic.client.azureml import AzureMl, Door
from hermetic.client.resolving import Resolution, resolve
from hermetic.errors import BadInput, NotFound
from hermetic.node import host

OK, ELSEWHERE, MISSING = "ok", "points elsewhere", "does not resolve"
NAMELESS = "has no name"


@dataclass(frozen=True)
class Asked:
    """What is to be checked, as it was typed."""

    name: str | None
    service: str | None
    compute: str | None
    addresses: tuple[str, ...]
    servers: tuple[str, ...]
    server_port: int


@dataclass(frozen=True)
class Answer:
    """What was found of a name; `door` is what the node says of it, if it was asked."""

    name: str
    verdict: str
    found: Resolution | None = None
    text: str = ""
    door: Door | None = None


@click.group()
def dns() -> None:
    """Check where names lead."""


@dns.command()
@click.argument("name", required=False)
@click.option("--service", help="Instead of NAME: that of a service of Azure ML, by its own name.")
@click.option("--compute", help="Instead of NAME: that of a compute of Azure ML.")
@click.option(
    "--address",
    "addresses",
    multiple=True,
    help="Where it should lead: the front end's, a balancer's.  [default: this machine, or what"
    " the node says of a service or compute]",
)
@click.option("--server", "servers", multiple=True, help="A DNS server to ask, by its address.")
@click.option("--server-port", type=click.IntRange(1, 65535), default=53, show_default=True)
@reaching
@json_option
@gathered(Asked, "asked")
def check(asked: Asked, reach: Reach, *, as_json: bool) -> int:
    """Say whether NAME leads to this machine: ok, points elsewhere, or does not resolve.

    Beside it stands for how long resolvers may remember that (TTL): so long a change takes to
    reach everybody.  Of a service or a compute the node is asked for the name, and for the address
    at which it answers.  Exits with 1 unless it is ok.
    """
    wanted = {_address(one) for one in asked.addresses}
    if sum(one is not None for one in (asked.name, asked.service, asked.compute)) != 1:
        raise click.UsageError("Say one of NAME, --service NAME and --compute NAME.")
    if asked.name is not None:
        return _show(_judged(asked, asked.name, wanted), as_json=as_json)
    door = _door(asked, reach)
    if not door.name:
        text = f"It has no name that the DNS could know: it is called at {door.uri or door.address}"
        return _show(Answer("", NAMELESS, text=f"{text}.", door=door), as_json=as_json)
    answer = _judged(asked, door.name, wanted or {door.address})
    return _show(replace(answer, door=door), as_json=as_json)


def _judged(asked: Asked, name: str, wanted: set[str]) -> Answer:
    try:
        found = resolve(name, servers=asked.servers, port=asked.server_port)
    except NotFound as error:
        return Answer(name, MISSING, text=error.text)
    strangers = [one for one in found.addresses if not _leads_here(one, wanted)]
    if not strangers:
        return Answer(name, OK, found)
    expected = ", ".join(sorted(wanted)) or "this machine"
    text = f"{', '.join(strangers)} is not {expected}: change the A or AAAA record of {name}."
    return Answer(name, ELSEWHERE, found, text)


def _door(asked: Asked, reach: Reach) -> Door:
    """Return what the node says of the service or compute that is asked for."""
    with connected(reach) as client:
        workspace = AzureMl(client, {})
        if asked.service is not None:
            return workspace.door_of_service(asked.service)
        return workspace.door_of_compute(asked.compute or "")


def _show(answer: Answer, *, as_json: bool) -> int:
    if as_json:
        output.show_json(_json(answer))
    else:
        output.show_pairs([(name, value) for name, value in _pairs(answer) if value])
        if answer.text:
            output.note(answer.text)
    return 0 if answer.verdict == OK else 1


def _json(answer: Answer) -> dict[str, object]:
    found, door = answer.found, answer.door
    told: dict[str, object] = {
        "name": answer.name,
        "verdict": answer.verdict,
        "addresses": list(found.addresses) if found else [],
        "aliases": list(found.aliases) if found else [],
        "ttlSeconds": found.ttl_s if found else None,
        "text": answer.text,
    }
    if door:
        told |= {"reachedAt": door.address, "scoringUri": door.uri or None}
    return told


def _pairs(answer: Answer) -> list[tuple[str, str]]:
    found, door = answer.found, answer.door
    pairs = [("verdict", answer.verdict)]
    if door:
        pairs += [("name", door.name), ("reached at", door.address), ("scoring URI", door.uri)]
    if found:
        pairs += [("addresses", ", ".join(found.addresses)), ("TTL", f"{found.ttl_s} s")]
        pairs += [("aliases", ", ".join(found.aliases))]
    return pairs


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
