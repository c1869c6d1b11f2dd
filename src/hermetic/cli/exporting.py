"""`hermetic certificate export` and `remove`: out of the stores again.

A key goes to a file that is its owner's alone from the first instant, or into a pipe somebody
asked for; never to a terminal, where it would stay in the scrollback.
"""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import click
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    PrivateFormat,
    pkcs12,
)

from hermetic.certificates.chain import extended, without_root
from hermetic.certificates.credential import Credential
from hermetic.certificates.selection import (
    StoreLocation,
    StoreName,
    normalised_thumbprint,
    thumbprints,
)
from hermetic.certstore.stores import Stores
from hermetic.cli import inventory, output
from hermetic.cli.connection import gathered, home_option, json_option
from hermetic.cli.documents import FILE, passphrase_in
from hermetic.cli.stores import existing, store_location_option, store_name_option
from hermetic.config.home import Home, speaking_of
from hermetic.errors import BadInput, NotFound

# A PKCS#12 file is encrypted three times; together they stay far below what our reading takes.
_ROUNDS = 100_000
_OLD_ROUNDS = 2048  # as OpenSSL writes the old form, which 3DES is the limit of anyway


@dataclass(frozen=True)
class Wish:
    """What is to be exported, as it was typed."""

    thumbprint: str
    out: Path | None = None
    form: str = "pem"
    with_key: bool = False
    passphrase_file: Path | None = None
    legacy: bool = False


@click.command()
@click.argument("thumbprint")
@click.option("--out", type=click.Path(path_type=Path), help="The file to make, instead of a pipe.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["pem", "der", "pfx"]),
    default="pem",
    show_default=True,
    help="pem: the whole chain; der: the certificate alone; pfx: PKCS#12, with the key.",
)
@click.option("--with-key", is_flag=True, help="The private key, too.")
@click.option(
    "--passphrase-file", type=FILE, help="A file with the passphrase to encrypt the key with."
)
@click.option("--legacy", is_flag=True, help="A pfx for Windows Server 2016 and older (3DES).")
@home_option
@gathered(Wish, "wish")
def export(wish: Wish, home: Home) -> None:
    """Write the certificate or revocation list with THUMBPRINT (SHA-1 or SHA-256) to a file or pipe.

    A key is written into a file that only its owner can read, never to a terminal.
    """
    is_binary = wish.form != "pem"
    if wish.out is None and (wish.with_key or is_binary) and sys.stdout.isatty():
        what = "A private key" if wish.with_key else "What is not text"
        raise BadInput(f"{what} is not shown on a terminal: name a file with --out.")
    with existing(home) as stores:
        data = exported(wish, stores)
    if wish.out is None:
        output.show_bytes(data)
        return
    make_file(wish.out, data, 0o600 if wish.with_key else 0o644)
    output.note(f"Written to {wish.out}.")


@click.command()
@click.argument("thumbprint")
@store_name_option
@store_location_option
@home_option
@json_option
def remove(
    thumbprint: str, store_name: str, store_location: str, home: Home, *, as_json: bool
) -> None:
    """Remove the certificate with THUMBPRINT (SHA-1 or SHA-256) from a store, and its key.

    A node that presents it goes on with another one that its settings mean, or with this until
    it is restarted.
    """
    location, store = StoreLocation.parse(store_location), StoreName.parse(store_name)
    with existing(home) as stores:
        stores.remove(location, store, thumbprint)
    if as_json:
        output.show_json({"storeName": store.value, "storeLocation": location.value})
    else:
        output.show(f"Removed from {store.value} at {location.value}.")


def exported(wish: Wish, stores: Stores) -> bytes:
    """Return what is wished for out of *stores*, in its format.

    Raises:
        NotFound: Nothing has that thumbprint, or its key is not there.
        BadInput: The format cannot hold it, or there is no passphrase for a pfx.
    """
    found = _found(wish, stores)
    passphrase = passphrase_in(wish.passphrase_file) if wish.passphrase_file else None
    if isinstance(found, Credential):
        pool = (*stores.intermediates(), *stores.roots())
        whole = Credential(without_root(extended(found.chain, pool)), found.key)
        return _credential(wish, whole, passphrase)
    if wish.form == "pfx":
        raise BadInput("A pfx is for a certificate with its key: write pem or der.")
    return found.public_bytes(Encoding.PEM if wish.form == "pem" else Encoding.DER)


def _found(wish: Wish, stores: Stores) -> inventory.Kept:
    wanted = normalised_thumbprint(wish.thumbprint)
    kept = [one.kept for one in inventory.everything(stores)]
    found = [one for one in kept if wanted in thumbprints(inventory.signed(one))]
    if not found:
        raise NotFound(
            f"Nothing in these stores has the thumbprint {wanted}: `hermetic certificate list"
            " --stores` shows what is there."
        )
    # the same may be an authority that is trusted, and have its key elsewhere
    found.sort(key=lambda one: not isinstance(one, Credential))
    if wish.with_key and not isinstance(found[0], Credential):
        raise NotFound(f"The private key of what has the thumbprint {wanted} is not kept here.")
    return found[0]


def _credential(wish: Wish, found: Credential, passphrase: bytes | None) -> bytes:
    if wish.form == "pfx":
        return _pfx(wish, found, passphrase)
    if wish.form == "der":
        if wish.with_key:
            raise BadInput("A file in DER holds one thing: write pem or pfx for it and its key.")
        return found.chain.leaf.public_bytes(Encoding.DER)
    if not wish.with_key:
        return found.chain_pem
    if passphrase is None:
        return found.key_pem + found.chain_pem
    encryption = BestAvailableEncryption(passphrase)
    key = found.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    return key + found.chain_pem


def _pfx(wish: Wish, found: Credential, passphrase: bytes | None) -> bytes:
    if not wish.with_key or passphrase is None:
        raise BadInput(
            "A pfx holds the key as well, encrypted: add --with-key and --passphrase-file FILE, or"
            " write pem for the certificates alone."
        )
    name = (found.chain.names or (found.chain.subject,))[0].encode()
    chain: list[x509.Certificate] = list(found.chain.issuers)
    encryption = _encryption(passphrase, is_old=wish.legacy)
    return pkcs12.serialize_key_and_certificates(
        name, found.key, found.chain.leaf, chain, encryption
    )


def _encryption(passphrase: bytes, *, is_old: bool) -> KeySerializationEncryption:
    builder = PrivateFormat.PKCS12.encryption_builder()
    if is_old:
        builder = builder.kdf_rounds(_OLD_ROUNDS)
        builder = builder.key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
        return builder.hmac_hash(SHA1()).build(passphrase)  # noqa: S303 - all that they read
    builder = builder.kdf_rounds(_ROUNDS)
    builder = builder.key_cert_algorithm(pkcs12.PBES.PBESv2SHA256AndAES256CBC)
    return builder.hmac_hash(SHA256()).build(passphrase)


def make_file(path: Path, data: bytes, mode: int) -> None:
    """Write a file that was not there; nothing of it stays if that fails.

    Raises:
        BadInput: There is one.
        StorageFull: There is no room.
    """
    with speaking_of(path):
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        except FileExistsError as error:
            raise BadInput(f"{path} exists: remove it, or name another with --out.") from error
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            path.unlink(missing_ok=True)
            raise
