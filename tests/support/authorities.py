"""Trusted authorities in folders, as an operator lays them: a source for `LiveTrust`."""

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from hermetic.errors import CertificateRejected, Unavailable
from tests.support.mint import Minted, RevocationList

T = TypeVar("T")


class Folders:
    """Three folders of PEM files, read as the contract of `TrustSource` asks."""

    def __init__(self, place: Path) -> None:
        self.folders = [place / name for name in ("Root", "CertificateAuthority", "lists")]
        for folder in self.folders:
            folder.mkdir(parents=True)
        self.asked = 0
        """How often `digest` was."""

    def trust(self, *roots: Minted) -> None:
        """Let the Root store hold these, one file each, and nothing else."""
        wanted = {f"{hashlib.sha256(pem).hexdigest()[:8]}.pem": pem for pem in map(pem_of, roots)}
        for name, pem in wanted.items():
            (self.folders[0] / name).write_bytes(pem)
        for path in self.folders[0].iterdir():
            if path.name not in wanted:
                path.unlink()

    def publish(self, *lists: RevocationList) -> None:
        """Lay these revocation lists, each over the one before it."""
        for number, crl in enumerate(lists):
            draft = self.folders[2] / f".{number}.crl"
            draft.write_bytes(crl.public_bytes(Encoding.PEM))
            draft.rename(self.folders[2] / f"{number}.crl")

    def roots(self) -> list[x509.Certificate]:
        return self._all(0, x509.load_pem_x509_certificates)

    def intermediates(self) -> list[x509.Certificate]:
        return self._all(1, x509.load_pem_x509_certificates)

    def revocation_lists(self) -> list[x509.CertificateRevocationList]:
        return self._all(2, lambda data: [x509.load_pem_x509_crl(data)])

    def digest(self) -> str:
        self.asked += 1
        known = hashlib.sha256()
        for path in self._paths(*self.folders):
            known.update(path.name.encode() + _content(path))
        return known.hexdigest()

    def _all(self, which: int, load: Callable[[bytes], list[T]]) -> list[T]:
        found: list[T] = []
        for path in self._paths(self.folders[which]):
            try:
                found += load(_content(path))
            except ValueError as error:
                raise CertificateRejected("malformed", f"{path} cannot be read.") from error
        return found

    def _paths(self, *folders: Path) -> Iterable[Path]:
        return sorted(
            path for folder in folders for path in folder.iterdir() if path.name[0] != "."
        )


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Unavailable(f"{path} went while it was read.") from error


def pem_of(one: Minted) -> bytes:
    return one.certificate.public_bytes(Encoding.PEM)
