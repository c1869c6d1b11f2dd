"""Files somebody hands over on the command line: read whole, a passphrase asked for if needed.

The passphrase comes from a file or from the terminal, never from the command line, where all
who are on the machine could read it.
"""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import click

from hermetic.certificates.keys import encode_public
from hermetic.certificates.reading import Contents, read
from hermetic.config.home import speaking_of
from hermetic.errors import BadInput, CertificateRejected

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
"""A file that must be there."""

Asking = Callable[[Path], bytes | None]
"""Returns the passphrase of a file, or `None` if nobody can be asked."""

_LARGEST = 20_000_000  # More than `reading` takes, so that it is the one to say so.
_LONGEST_PASSPHRASE = 4096


def contents_of(paths: Iterable[Path], asking: Asking) -> Contents:
    """Return what is in all the files together, each thing once.

    Raises:
        CertificateRejected: Those of `reading.read`; the text begins with the file.
        BadConfiguration: A file cannot be read by this user.
    """
    found = [_contents(path, asking) for path in paths]
    keys = {encode_public(key.public_key()): key for one in found for key in one.keys}
    return Contents(
        tuple(dict.fromkeys(c for one in found for c in one.certificates)),
        tuple(keys.values()),
        tuple(request for one in found for request in one.requests),
        tuple(revoked for one in found for revoked in one.revocation_lists),
    )


def asking(passphrase_file: Path | None) -> Asking:
    """Return what tells the passphrase: the first line of a file, or the person at the terminal."""
    if passphrase_file is None:
        return _asked
    passphrase = passphrase_in(passphrase_file)
    return lambda _path: passphrase


def passphrase_in(file: Path) -> bytes:
    """Return the first line of *file*, without its end; raises `BadInput` if that is nothing."""
    with speaking_of(file), file.open("rb") as opened:
        line = opened.readline(_LONGEST_PASSPHRASE).rstrip(b"\r\n")
    if not line:
        raise BadInput(f"There is no passphrase in the first line of {file}.")
    return line


def _asked(path: Path) -> bytes | None:
    if not sys.stdin.isatty():
        return None
    text: str = click.prompt(f"Passphrase of {path}", hide_input=True, err=True)
    return text.encode()


def _contents(path: Path, asking: Asking) -> Contents:
    with speaking_of(path), path.open("rb") as opened:
        data = opened.read(_LARGEST)
    try:
        try:
            return read(data)
        except CertificateRejected as error:
            passphrase = asking(path) if error.code == "encrypted-key" else None
            if passphrase is None:
                raise
            return read(data, passphrase=passphrase)
    except CertificateRejected as error:
        how = "give its passphrase (--passphrase-file FILE)"
        text = error.text.replace("give its passphrase", how)
        raise CertificateRejected(error.code, f"{path}: {text}") from error
