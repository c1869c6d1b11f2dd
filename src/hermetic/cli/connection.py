"""Which node a command speaks to, whom it trusts, and as whom it speaks.

Flags win over `HERMETIC_URL`, `HERMETIC_CA` and `HERMETIC_TOKEN`, those over what
`hermetic login` remembered, and that over the instance that runs in the home.  A remembered
token is sent only to the node that gave it.
"""

import functools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

import click

from hermetic.client.api import Client
from hermetic.config.home import Home, default_home, read_record
from hermetic.errors import Unauthenticated, Unreachable

Function = TypeVar("Function", bound=Callable[..., object])
Command = Callable[..., object]

_LOGIN = "`hermetic login`"


@dataclass(frozen=True)
class Target:
    """A node to speak to."""

    url: str
    ca: Path | None
    token: str | None = field(repr=False)
    plain_http: bool
    """Whether it was said before that this address may be used without TLS."""


@dataclass(frozen=True)
class Reach:
    """What the flags of a command say of the node that is meant."""

    home: Home
    url: str | None = None
    ca: Path | None = None


def gathered(kind: type[Any], parameter: str) -> Callable[[Command], Command]:
    """Hand a command the options named as the fields of *kind* as one value of it."""
    names = [one.name for one in fields(kind)]

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def with_one(**values: object) -> object:
            made = kind(**{name: values.pop(name) for name in names})
            return command(**{parameter: made}, **values)

        return with_one

    return decorate


def reaching(command: Command) -> Command:
    """Give *command* the options that say which node is meant, and the `reach` they make."""
    command = gathered(Reach, "reach")(command)
    for option in (
        click.option("--ca", type=Path, help="The authority to trust. [env: HERMETIC_CA]"),
        click.option("--url", help="The address of the node. [env: HERMETIC_URL]"),
        home_option,
    ):
        command = option(command)
    return command


def home_option(command: Function) -> Function:
    """Give *command* the option that says which home is meant."""
    option = click.option(
        "--home",
        type=Path,
        callback=lambda _context, _parameter, value: Home(
            (value or default_home(os.environ)).absolute()
        ),
        help="The folder that holds everything. [env: HERMETIC_HOME]",
    )
    return option(command)


def json_option(command: Function) -> Function:
    """Give *command* the option `--json`."""
    option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    return option(command)


def target(reach: Reach) -> Target:
    """Return the node that is meant.

    Raises:
        Unreachable: Nothing says which.
    """
    remembered = read_record(reach.home.client) or {}
    running = read_record(reach.home.running) or {}
    told = reach.url or os.environ.get("HERMETIC_URL")
    address = told or remembered.get("url") or running.get("url")
    if not address:
        raise Unreachable(
            f"No node runs in {reach.home.root}, and none was named: start one with `hermetic up`,"
            " or name one with --url or HERMETIC_URL."
        )
    address = str(address).rstrip("/")
    known = [one for one in (remembered, running) if str(one.get("url")).rstrip("/") == address]
    trusted = reach.ca or os.environ.get("HERMETIC_CA") or _first(known, "ca")
    token = os.environ.get("HERMETIC_TOKEN") or _first(known, "token")
    return Target(address, Path(trusted) if trusted else None, token, bool(known))


def _first(records: Iterable[Mapping[str, object]], member: str) -> str | None:
    """Return *member* of the first record that has it."""
    return next((str(one[member]) for one in records if one.get(member)), None)


@contextmanager
def connected(reach: Reach) -> Iterator[Client]:
    """Yield a client that speaks to the node that is meant, as somebody.

    Raises:
        Unauthenticated: Nobody has logged in, or the token is no longer good.
    """
    meant = target(reach)
    if meant.token is None:
        raise Unauthenticated(f"You are not logged in to {meant.url}: run {_LOGIN}.")
    client = Client(meant.url, ca=meant.ca, token=meant.token, plain_http=meant.plain_http)
    with client:
        try:
            yield client
        except Unauthenticated as error:
            if _LOGIN in error.text:
                raise
            raise Unauthenticated(f"{error.text} Log in again with {_LOGIN}.") from error
