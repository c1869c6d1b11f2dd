"""`hermetic certificate request`: a key that stays here, and what an authority certifies it by."""

from dataclasses import dataclass
from pathlib import Path

import click
from cryptography import x509

from hermetic.certificates.keys import KeyKind, generate
from hermetic.certificates.names import PresentedName
from hermetic.certificates.signing import request as made_request
from hermetic.certstore.waiting import Requested
from hermetic.cli import output
from hermetic.cli.connection import gathered, home_option, json_option
from hermetic.cli.exporting import make_file
from hermetic.cli.stores import existing, opened
from hermetic.config.home import Home
from hermetic.errors import BadInput, CertificateRejected

_LONGEST_COMMON_NAME = 64  # RFC 5280, appendix A.1


@dataclass(frozen=True)
class Asked:
    """What is to be requested, as it was typed."""

    names: tuple[str, ...]
    key_type: str
    out: Path | None
    service_account: str | None
    show: bool


@click.command()
@click.option("--name", "names", multiple=True, help="A host name or address; the first is the CN.")
@click.option(
    "--key-type",
    type=click.Choice([one.value for one in KeyKind]),
    default=KeyKind.EC_P256.value,
    show_default=True,
    help="The kind of key.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="The file to make; else it is printed."
)
@click.option(
    "--service-account", help="The account that the node runs as, if not that of the home."
)
@click.option(
    "--show",
    is_flag=True,
    help="Show what waits for its certificate; the requests themselves with --json.",
)
@home_option
@json_option
@gathered(Asked, "asked")
def request(asked: Asked, home: Home, *, as_json: bool) -> None:
    """Make a key and a request (CSR) for a certificate.

    The key stays in the home and waits there; give the request to an authority, and what it sends
    back to `hermetic certificate import`, which finds the key by itself.
    """
    if asked.show:
        _show_waiting(home, as_json=as_json)
        return
    if not asked.names:
        raise BadInput("A request needs at least one name or address: say --name.")
    if asked.out is not None and asked.out.exists():
        raise BadInput(f"{asked.out} exists: remove it, or name another with --out.")
    key = generate(KeyKind(asked.key_type))
    made = Requested(key, made_request(key, names=asked.names, common_name=_common(asked.names)))
    with opened(home, asked.service_account) as stores:
        stores.waiting.add(made)
        stores.secure()
    if asked.out is None and not as_json:
        output.show(made.pem.decode().rstrip("\n"))
    elif asked.out is not None:
        make_file(asked.out, made.pem, 0o644)
    if as_json:
        output.show_json(_described(made))
    else:
        output.note("Give it to the authority; then: hermetic certificate import FILE")


def _common(names: tuple[str, ...]) -> str | None:
    """Return the first name as the common name, if it can be one."""
    first = PresentedName.parse(names[0]).text
    return names[0] if len(first) <= _LONGEST_COMMON_NAME else None


def _show_waiting(home: Home, *, as_json: bool) -> None:
    with existing(home) as stores:
        found = [_described(one) for one in stores.waiting.all()]
    if as_json:
        output.show_json(found)
        return
    rows = [(", ".join(map(str, one["names"])), str(one["sha256"])) for one in found]
    output.show_table(("names", "public key (SHA-256)"), rows, empty="No request waits.")


def _described(one: Requested) -> dict[str, list[str] | str]:
    try:
        names = one.request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound as error:
        raise CertificateRejected("no-san", "A request that waits names nothing.") from error
    return {
        "names": [str(name.value) for name in names],
        "sha256": one.name,
        "request": one.pem.decode(),
    }
