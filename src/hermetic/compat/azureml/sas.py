"""Signed addresses of uploaded files, as Azure's storage has them: who holds one may use it.

Pure.  A signature is for one file, for reading or writing it, until a moment.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from urllib.parse import quote, urlencode

LIFE = timedelta(hours=1)
READ, WRITE = "r", "rcw"
_VERSION = "2021-08-06"  # a version of the original's; clients insist on there being one
_FORM = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True)
class Signing:
    """Signs addresses, and knows its own."""

    key: bytes = field(repr=False)

    def query(self, path: str, permissions: str, *, at: datetime) -> str:
        """Return the query that lets its holder use the file at *path*, as *permissions* say."""
        ends = f"{at + LIFE:{_FORM}}"
        told = {"sv": _VERSION, "sr": "b", "se": ends, "sp": permissions, "spr": "https"}
        return urlencode({**told, "sig": self._signature(path, ends, permissions)})

    def url(self, storage: str, path: str, permissions: str, *, at: datetime) -> str:
        """Return the whole address."""
        return f"{storage}/{quote(path)}?{self.query(path, permissions, at=at)}"

    def allows(self, path: str, query: Mapping[str, str], permission: str, *, at: datetime) -> bool:
        """Whether *query* lets its holder use the file at *path* for *permission* at that moment."""
        ends, permissions = query.get("se", ""), query.get("sp", "")
        expected = self._signature(path, ends, permissions).encode()
        shown = query.get("sig", "").encode("utf-8", "surrogatepass")
        if not hmac.compare_digest(expected, shown) or permission not in permissions:
            return False
        return at < datetime.strptime(ends, _FORM).replace(tzinfo=UTC)

    def _signature(self, path: str, ends: str, permissions: str) -> str:
        signed = "\n".join((path, ends, permissions)).encode("utf-8", "surrogatepass")
        return hmac.new(self.key, signed, sha256).hexdigest()
