"""`az ml admin bootstrap`, `node` and `port`: the nodes of this machine."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import click

from hermetic.cli.az_uris import values_key
from hermetic.cli.azure import local, secret
from hermetic.cli.local_nodes import LocalNode, beside, nodes
from hermetic.cli.settings import resolved
from hermetic.config.compute import ComputeSettings
from hermetic.config.editing import Setting, edit, prepared
from hermetic.config.home import Home
from hermetic.config.settings import Settings
from hermetic.config.web import WebSettings
from hermetic.errors import BadConfiguration, BadInput, Conflict, NotFound
from hermetic.identity.passwords import refuse_weak
from hermetic.serving.uris import expand
from hermetic.wiring.setting_up import begin_accounts

_MARK = {"configured": "configured"}
_PASSWORD = (
    click.option("--admin-password", help="The administrator's; asked for without it."),
    click.option("--confirm-password", help="The same again."),
)


def _with_password(command: Any) -> Any:  # noqa: ANN401 - any function of click's
    for option in _PASSWORD:
        command = option(command)
    return command


@click.command()
@_with_password
@local
def bootstrap(
    home: Home, admin_password: str | None, confirm_password: str | None
) -> list[dict[str, object]]:
    """Set up one box on this machine, and start it."""
    _set_up_box(home, admin_password, confirm_password)
    box = LocalNode("onebox", home)
    box.start()
    return [box.described()]


@click.group()
def node() -> None:
    """Set up, list, start and stop the nodes of this machine."""


@node.command()
@click.option("--onebox", is_flag=True, help="A web node that runs the code itself.")
@click.option("--webnode", is_flag=True, help="A web node.")
@click.option("--computenode", is_flag=True, help="A compute node.")
@click.option("--uri", help="For a web node: its compute nodes, with commas.")
@_with_password
@local
def setup(
    home: Home,
    onebox: bool,
    webnode: bool,
    computenode: bool,
    uri: str | None,
    admin_password: str | None,
    confirm_password: str | None,
) -> list[dict[str, object]]:
    """Set up a node: its home, its settings, the administrator's password; and start it."""
    if onebox + webnode + computenode != 1:
        raise click.UsageError("Say one of --onebox, --webnode and --computenode.")
    if computenode:
        made = LocalNode("computenode", beside(home))
        resolved(ComputeSettings, made.home)
        made.home.create()
        edit(made.home.settings, dict(_MARK))
    elif webnode:
        made = LocalNode("webnode", home)
        _set_up_web(home, uri, admin_password, confirm_password)
    else:
        made = LocalNode("onebox", home)
        _set_up_box(home, admin_password, confirm_password)
    made.start()
    return [made.described()]


@node.command("list")
@local
def list_nodes(home: Home) -> list[dict[str, object]]:
    """List the nodes of this machine, and whether they run."""
    return [one.described() for one in _nodes(home)]


@node.command()
@click.option("--webnode", is_flag=True, help="The web node, or one box.")
@click.option("--computenode", is_flag=True, help="The compute node.")
@local
def start(home: Home, webnode: bool, computenode: bool) -> list[dict[str, object]]:
    """Start one of them, or all."""
    meant = _meant(home, webnode=webnode, computenode=computenode)
    for one in sorted(meant, key=lambda one: one.kind):
        one.start()
    return [one.described() for one in meant]


@node.command()
@click.option("--webnode", is_flag=True, help="The web node, or one box.")
@click.option("--computenode", is_flag=True, help="The compute node.")
@local
def stop(home: Home, webnode: bool, computenode: bool) -> list[dict[str, object]]:
    """Stop one of them, or all; what they run still ends."""
    meant = _meant(home, webnode=webnode, computenode=computenode)
    for one in meant:
        one.stop()
    return [one.described() for one in meant]


@click.group()
def port() -> None:
    """List and change the ports of the nodes of this machine."""


@port.command("list")
@local
def list_ports(home: Home) -> dict[str, object]:
    """List the ports that the settings say."""
    return _ports(home)


@port.command()
@click.option("--webnode", type=click.IntRange(1, 65535), help="The web node's.")
@click.option("--computenode", type=click.IntRange(1, 65535), help="The compute node's.")
@click.option("--rserve", type=click.IntRange(1, 65535), help="As in the old files.")
@local
def update(
    home: Home, webnode: int | None, computenode: int | None, rserve: int | None
) -> dict[str, object]:
    """Write other ports into the settings; they hold once a node is started again."""
    if webnode is None and computenode is None and rserve is None:
        raise click.UsageError("Say --webnode, --computenode or --rserve with a port.")
    of_web, of_compute = (
        {"Kestrel.Port": webnode},
        {"Kestrel.Port": computenode, "RServePort": rserve},
    )
    # Both files or none: whatever is wrong with the second is said before the first is written.
    writes = [*_prepared(home, of_web), *_prepared(beside(home), of_compute)]
    for write in writes:
        write()
    return _ports(home)


def _set_up_box(home: Home, password: str | None, confirmation: str | None) -> None:
    told = _checked(password, confirmation)
    settings = resolved(Settings, home).settings
    home.create()
    mark = prepared(home.settings, dict(_MARK))
    asyncio.run(begin_accounts(home, settings, told))
    mark()


def _set_up_web(
    home: Home, uri: str | None, password: str | None, confirmation: str | None
) -> None:
    told = _checked(password, confirmation)
    settings = resolved(WebSettings, home).settings
    written = settings.back_end_configuration.uris
    wanted = [one.strip() for one in uri.split(",")] if uri else []
    if not (wanted or written.values or written.ranges):
        raise BadInput("BackEndConfiguration is missing URIs: say --uri with the compute nodes'.")
    expand(wanted)
    home.create()
    changes: dict[str, Setting] = dict(_MARK)
    if wanted:
        changes[values_key(home)] = wanted
    mark = prepared(home.settings, changes)
    asyncio.run(begin_accounts(home, settings, told))
    mark()


def _checked(password: str | None, confirmation: str | None) -> str:
    """Return the password, before anything is made; raises `BadInput` if it will not do."""
    told = secret(password, "Password of admin", confirmation=confirmation)
    refuse_weak(told)
    return told


def _nodes(home: Home) -> list[LocalNode]:
    kind = "onebox"
    if home.settings.exists():
        try:
            resolved(Settings, home)
        except BadConfiguration:
            kind = "webnode"
    return nodes(home, kind)


def _meant(home: Home, *, webnode: bool, computenode: bool) -> list[LocalNode]:
    known = _nodes(home)
    everyone = webnode == computenode
    meant = [one for one in known if everyone or (one.kind == "computenode") is computenode]
    if not meant:
        raise NotFound(
            f"No such node was set up in {home.root}: `hermetic az ml admin node setup` does that."
        )
    return meant


def _ports(home: Home) -> dict[str, object]:
    compute = resolved(ComputeSettings, beside(home)).settings
    kind = _nodes(home)[0].kind if home.settings.exists() else "onebox"
    webnode = kind == "webnode"
    return {
        "webnode": (
            resolved(WebSettings, home).settings.kestrel.port
            if webnode
            else resolved(Settings, home).settings.kestrel.port
        ),
        "computenode": compute.kestrel.port,
        "rserve": compute.r_serve_port,
    }


def _prepared(home: Home, wanted: Mapping[str, int | None]) -> list[Callable[[], None]]:
    """Return what writes those of the settings that are wanted; nothing if none is."""
    changes: dict[str, Setting] = {key: value for key, value in wanted.items() if value is not None}
    if not changes:
        return []
    if not home.settings.exists():
        raise Conflict(
            f"There are no settings in {home.root}: `hermetic az ml admin node setup` makes them."
        )
    return [prepared(home.settings, changes)]
