"""`hermetic authority offline` and `online`: the key of the root leaves the machine, and comes back."""

import socket
from logging import WARNING
from pathlib import Path

import click
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)

from hermetic import log
from hermetic.certificates.credential import Credential, pair
from hermetic.certstore.files import FileStore
from hermetic.certstore.ledger import Ledger
from hermetic.cli import output
from hermetic.cli.connection import home_option, json_option
from hermetic.cli.documents import FILE, asking, contents_of, passphrase_in
from hermetic.cli.exporting import make_file
from hermetic.cli.stores import acting_as_owner
from hermetic.clock import system_clock
from hermetic.config.home import Home, speaking_of
from hermetic.errors import BadInput, NotFound
from hermetic.issuers.roots import Roots


@click.command()
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The file to make.")
@click.option(
    "--passphrase-file", type=FILE, help="A file with the passphrase to encrypt the key with."
)
@home_option
@json_option
def offline(out: Path, passphrase_file: Path | None, home: Home, *, as_json: bool) -> None:
    """Move the key of the root out of this home, into a file for a safe place.

    Nodes go on: the intermediate signs, for two years or so, and `hermetic authority show` says until
    when.  For a new intermediate, and to replace the root, bring the key back with `online`.
    """
    passphrase = passphrase_in(passphrase_file) if passphrase_file else None

    def kept(root: Credential) -> None:
        key = root.key_pem
        if passphrase is not None:
            encryption = BestAvailableEncryption(passphrase)
            key = root.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
        make_file(out, key + root.chain_pem, 0o600)

    with acting_as_owner(home), log.for_a_command(node=socket.gethostname(), level=WARNING):
        found = _roots(home).take_away(kept)
    sha256 = found.root.chain.sha256
    if as_json:
        output.show_json({"root": sha256, "file": str(out)})
        return
    output.show(f"The key of the root {sha256} is in {out} alone: keep it where nobody finds it.")
    if passphrase is None:
        output.warn("It is not encrypted: whoever reads it can pretend to be any node.")


@click.command()
@click.argument("file", type=FILE)
@click.option("--passphrase-file", type=FILE, help="A file with the passphrase of the key.")
@home_option
@json_option
def online(file: Path, passphrase_file: Path | None, home: Home, *, as_json: bool) -> None:
    """Bring the key of the root back from FILE, which `offline` made; it stays there too."""
    found = contents_of([file], asking(passphrase_file))
    if len(found.keys) != 1:
        raise BadInput(f"{file} does not hold one key and its certificate.")
    with acting_as_owner(home), log.for_a_command(node=socket.gethostname(), level=WARNING):
        now = _roots(home).bring_back(pair(found))
    if as_json:
        output.show_json({"root": now.root.chain.sha256})
    else:
        output.show(f"The key of the root {now.root.chain.sha256} is in this home again.")


def _roots(home: Home) -> Roots:
    with speaking_of(home.root):
        is_there = home.authority.is_dir()
    if not is_there:
        raise NotFound(f"There is no authority in {home.root}: a node makes one when it starts.")
    return Roots(FileStore(home.authority), Ledger(home.signatures), system_clock, "Hermetic")
