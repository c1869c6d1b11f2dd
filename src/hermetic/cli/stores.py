"""The certificate stores of a home, opened as the owner of the home.

A key is for the account a node runs as, and for nobody else.  That is the owner of the home; so
what root does here is done as that owner, from the first file on: nothing has to be given away
afterwards, and no link that the account may have laid leads root elsewhere.
"""

import os
import pwd
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from logging import WARNING

import click

from hermetic import log
from hermetic.certificates.selection import StoreLocation, StoreName
from hermetic.certstore.stores import Stores
from hermetic.config.home import Home, speaking_of
from hermetic.errors import BadConfiguration, BadInput, NotFound

store_name_option = click.option(
    "--store-name",
    type=click.Choice([one.value for one in StoreName], case_sensitive=False),
    metavar="|".join(StoreName),
    default=StoreName.MY.value,
    show_default=True,
    help="Which store.",
)
"""Gives a command the option that says which store is meant."""

store_location_option = click.option(
    "--store-location",
    type=click.Choice([one.value for one in StoreLocation], case_sensitive=False),
    metavar="|".join(StoreLocation),
    default=StoreLocation.LOCAL_MACHINE.value,
    show_default=True,
    help="Where that store is.",
)
"""Gives a command the option that says where the store that is meant is."""


@contextmanager
def opened(home: Home, account: str | None = None) -> Iterator[Stores]:
    """Open the stores of *home*, both made if missing, for the block.

    Args:
        account: Whom the keys are for, if that is not this user; the owner of the home must be
            the same, and is if the home is made now, which only root can do.

    Raises:
        BadInput: There is no such account.
        BadConfiguration: The home is somebody else's; the text says what to run.
    """
    with (
        acting_as_owner(home, account),
        log.for_a_command(node=socket.gethostname(), level=WARNING),
    ):
        home.create()
        yield Stores(home.stores)


@contextmanager
def existing(home: Home) -> Iterator[Stores]:
    """Open the stores of *home* for the block; raises `NotFound` if there are none yet."""
    with speaking_of(home.root):
        is_there = home.stores.is_dir()
    if not is_there:
        raise NotFound(
            f"There are no certificate stores in {home.root}: `hermetic certificate import` makes"
            " them."
        )
    with opened(home) as stores:
        yield stores


@contextmanager
def acting_as_owner(home: Home, account: str | None = None) -> Iterator[None]:
    """Do what is in the block as the owner of *home*; see `opened` for *account* and errors."""
    owner = _owner(home, account)
    if owner == os.geteuid():
        yield
        return
    name, group = _named(owner)
    if os.geteuid() != 0:
        raise BadConfiguration(
            f"What is kept in {home.root} is for {name} alone: run this as that user,"
            f" `sudo -u {name} hermetic …`."
        )
    with speaking_of(home.root), suppress(FileExistsError):
        home.root.mkdir(mode=0o700, parents=True)
        os.chown(home.root, owner, group)
    with _acting_as(owner, group):
        yield


def _owner(home: Home, account: str | None) -> int:
    wanted = None if account is None else _user(account)
    owner: int | None = None
    with speaking_of(home.root), suppress(FileNotFoundError):
        owner = home.root.stat().st_uid
    if owner is None:
        return os.geteuid() if wanted is None else wanted
    if wanted is not None and wanted != owner:
        raise BadConfiguration(
            f"The home {home.root} belongs to {_named(owner)[0]}, and {account} could not read a"
            f" key in it: `sudo chown -R {account} {home.root}`, or name another --home."
        )
    return owner


def _user(account: str) -> int:
    try:
        return pwd.getpwnam(account).pw_uid
    except KeyError as error:
        raise BadInput(f"There is no account {account!r} on this machine.") from error


def _named(user: int) -> tuple[str, int]:
    """Return how `sudo -u` calls a user, and the user's group."""
    try:
        entry = pwd.getpwuid(user)
    except KeyError:
        return f"'#{user}'", user  # one of another machine, or of a container
    return entry.pw_name, entry.pw_gid


@contextmanager
def _acting_as(user: int, group: int) -> Iterator[None]:
    """Let root be *user* for the block, with that user's *group* and no other."""
    before = os.getgroups(), os.getegid()
    os.setgroups([group])
    os.setegid(group)
    os.seteuid(user)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(before[1])
        os.setgroups(before[0])
