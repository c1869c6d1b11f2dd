"""What an ACME client must not forget: its accounts, and the DNS records it has to take away.

Kept as credentials are, wholly or not at all, for their owner only.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from hermetic.certificates.reading import read
from hermetic.certstore.disk import SYSTEM_DISK, Disk, refusals_about
from hermetic.certstore.entries import Entries, Form
from hermetic.certstore.permissions import secure
from hermetic.certstore.versions import make_folders
from hermetic.errors import CertificateRejected, NotFound

_KEY, _FACTS, _RECORDS = "account.key", "account.json", "records.json"
_NOTES, _LOCK = "records", "lock"

Record = tuple[str, str]
"""The name of a TXT record, and its value."""


def _account(documents: Mapping[str, bytes]) -> Mapping[str, bytes]:
    if len(read(documents[_KEY]).keys) != 1 or not _is_json(documents[_FACTS]):
        raise CertificateRejected("incomplete", f"{_KEY} or {_FACTS} is none.")
    return documents


def _records(documents: Mapping[str, bytes]) -> tuple[Record, ...]:
    try:
        return tuple((str(name), str(value)) for name, value in json.loads(documents[_RECORDS]))
    except (ValueError, TypeError) as error:
        raise CertificateRejected("incomplete", f"{_RECORDS} is none.") from error


def _is_json(data: bytes) -> bool:
    try:
        return isinstance(json.loads(data), dict)
    except ValueError:
        return False


_ACCOUNT: Form[Mapping[str, bytes]] = Form("ACME account", (_KEY, _FACTS), dict, _account)
_NOTED: Form[tuple[Record, ...]] = Form(
    "note", (_RECORDS,), lambda noted: {_RECORDS: json.dumps(noted).encode()}, _records
)


class Accounts:
    """The accounts in the folder *root*, made if missing; several processes may use it.

    Methods block, and raise as those of `FileStore` do.
    """

    def __init__(self, root: Path, *, disk: Disk = SYSTEM_DISK) -> None:
        with refusals_about(root):
            make_folders(root, disk)
        secure(root)
        self._accounts = Entries(root, _ACCOUNT, disk)

    def read(self, name: str) -> Mapping[str, bytes] | None:
        """Return the files of the account *name*; `None` if there is none."""
        try:
            return self._accounts.read(name)
        except NotFound:
            return None

    def write(self, name: str, files: Mapping[str, bytes]) -> None:
        """Keep the files of the account *name*."""
        self._accounts.write(name, files)

    def remove(self, name: str) -> None:
        """Forget the account *name*, if it is there."""
        try:
            self._accounts.remove(name)
        except NotFound:
            return


class Records:
    """The DNS records in the folder *root* that have to be taken away; as `Accounts`."""

    def __init__(self, root: Path, *, disk: Disk = SYSTEM_DISK) -> None:
        with refusals_about(root):
            make_folders(root, disk)
        secure(root)
        self._noted = Entries(root, _NOTED, disk)

    def all(self) -> Sequence[Record]:
        """Return the records that have to be taken away."""
        try:
            return self._noted.read(_NOTES)
        except NotFound:
            return ()

    def add(self, name: str, value: str) -> None:
        """Note a record."""
        with self._noted.exclusive(_LOCK):
            self._noted.write(_NOTES, tuple(dict.fromkeys([*self.all(), (name, value)])))

    def remove(self, name: str, value: str) -> None:
        """Forget a record, if it was noted."""
        with self._noted.exclusive(_LOCK):
            before = self.all()
            if (name, value) in before:
                kept = tuple(one for one in before if one != (name, value))
                self._noted.write(_NOTES, kept)
