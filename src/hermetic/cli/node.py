"""`hermetic node`: the nodes of an installation, and one of them in the foreground."""

import time
from collections.abc import Sequence
from datetime import timedelta

import click
import msgspec

from hermetic.cli import output
from hermetic.cli.connection import Reach, connected, json_option, reaching
from hermetic.cli.deferring import deferring
from hermetic.client.api import Client
from hermetic.errors import BadInput, Unavailable
from hermetic.wire.messages import NodeListing

_DEFERRED = {
    "run": ("hermetic.cli.running:run", "Run a web node or a compute node in the foreground."),
    "join": ("hermetic.cli.joining:join", "Join the authority of a web node, by a token."),
    "install": ("hermetic.cli.installing:install", "Let systemd run a node of this machine."),
    "token": ("hermetic.cli.enrolling:token", "Give a token, by which somebody joins."),
    "enrolled": ("hermetic.cli.enrolling:enrolled", "List tokens, and who has joined."),
    "expel": ("hermetic.cli.enrolling:expel", "Take a token back, or send away who has joined."),
}
_LOOK_EVERY_S = 0.25


@click.group(cls=deferring(_DEFERRED))
def node() -> None:
    """Run a node; list, add, remove, drain and restart compute nodes."""


@node.command("list")
@reaching
@json_option
def list_nodes(reach: Reach, *, as_json: bool) -> None:
    """List the compute nodes as the web node sees them."""
    with connected(reach) as client:
        found = client.nodes()
    if as_json:
        output.show_json(msgspec.to_builtins(found))
        return
    titles = ("node", "state", "busy", "queued", "version", "trouble")
    rows = [
        (one.uri, one.state, f"{one.busy} of {one.most}", str(one.queued), one.version, one.trouble)
        for one in found
    ]
    output.show_table(titles, rows, empty="There is no compute node: `hermetic node add` adds one.")


@node.command()
@click.argument("entries", nargs=-1, required=True, metavar="URI…")
@reaching
@json_option
def add(entries: tuple[str, ...], reach: Reach, *, as_json: bool) -> None:
    """Add compute nodes: https://compute-1.example.com:12805, or https://10.0.1.1-9:12805 for nine.

    Every web node uses them within two seconds.
    """
    with connected(reach) as client:
        client.add_nodes(entries)
        _show_entries(client.compute_nodes(), as_json=as_json)


@node.command()
@click.argument("entries", nargs=-1, required=True, metavar="URI…")
@reaching
@json_option
def remove(entries: tuple[str, ...], reach: Reach, *, as_json: bool) -> None:
    """Remove compute nodes, written as they were added; calls that they run still end."""
    with connected(reach) as client:
        client.remove_nodes(entries)
        _show_entries(client.compute_nodes(), as_json=as_json)


@node.command()
@click.argument("uri")
@click.option("--undo", is_flag=True, help="Give it calls again.")
@reaching
@json_option
def drain(uri: str, reach: Reach, *, undo: bool, as_json: bool) -> None:
    """Give the compute node at URI no more calls; those that it runs still end."""
    with connected(reach) as client:
        client.tell_node(uri, "undrain" if undo else "drain")
    if as_json:
        output.show_json({"uri": uri, "draining": not undo})
    else:
        output.show(f"{uri} gets calls again." if undo else f"{uri} gets no more calls.")


@node.command()
@click.argument("uris", nargs=-1, metavar="[URI…]")
@click.option("--all", "everyone", is_flag=True, help="All of them, one after the other.")
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(min=1),
    default=120.0,
    show_default=True,
    metavar="SECONDS",
    help="How long each may take to be ready again.",
)
@reaching
@json_option
def restart(
    uris: tuple[str, ...], reach: Reach, *, everyone: bool, timeout_s: float, as_json: bool
) -> None:
    """Restart the compute nodes at URI…, one after the other; no call fails by it.

    Each finishes what it runs and begins again in its process; the next one follows once it is
    ready.  Sessions on it end.
    """
    if everyone == bool(uris):
        raise BadInput("Name the nodes to restart, or say --all.")
    within = timedelta(seconds=timeout_s)
    with connected(reach) as client:
        for one in _meant(client.nodes(), uris):
            _restart(client, one, within)
            if not as_json:
                output.show(f"{one.uri} is ready again.")
        if as_json:
            output.show_json(msgspec.to_builtins(_meant(client.nodes(), uris)))


def _meant(nodes: Sequence[NodeListing], uris: Sequence[str]) -> list[NodeListing]:
    if not uris:
        return list(nodes)
    known = {one.uri: one for one in nodes}
    wanted = [uri.rstrip("/") for uri in uris]
    unknown = [uri for uri in wanted if uri not in known]
    if unknown:
        raise BadInput(
            f"There is no compute node {unknown[0]}: there are {', '.join(known) or 'none'}."
        )
    return [known[uri] for uri in wanted]


def _restart(client: Client, before: NodeListing, within: timedelta) -> None:
    client.tell_node(before.uri, "restart")
    deadline = time.monotonic() + within.total_seconds()
    while True:
        now = _meant(client.nodes(), [before.uri])[0]
        is_new = now.started_at not in {"", before.started_at}
        if is_new and (now.state == "ready" or now.draining_since):
            return
        if time.monotonic() > deadline:
            raise Unavailable(
                f"{before.uri} is not ready again after {within.total_seconds():g} s, but"
                f" {now.state}{f' ({now.trouble})' if now.trouble else ''}: look at its log. Nodes"
                " that follow were left as they are."
            )
        time.sleep(_LOOK_EVERY_S)


def _show_entries(entries: Sequence[str], *, as_json: bool) -> None:
    if as_json:
        output.show_json(list(entries))
    else:
        output.show_table(("entry",), [(one,) for one in entries], empty="There are none left.")
