"""The database: does it answer, and are its tables those of this version."""

import asyncio
from typing import NamedTuple

from hermetic.database.database import Database
from hermetic.database.schema import shipped
from hermetic.diagnostics.check import Finding
from hermetic.errors import BadConfiguration, HermeticError, TrustFailure, Unavailable

_WITHIN_S = 2.5


class _Remedies(NamedTuple):
    unreachable: str
    refused: str


_SQLITE = _Remedies(
    unreachable="fuser -v hermetic.sqlite3, in the home",
    refused="sqlite3 hermetic.sqlite3 'PRAGMA integrity_check', in the home; restore a copy",
)
_POSTGRESQL = _Remedies(
    unreachable="pg_isready -h HOST -p PORT; systemctl status postgresql",
    refused="psql -h HOST -p PORT -U USER -d DATABASE, as ConnectionStrings.postgresql has them",
)


async def look(database: Database, name: str) -> Finding:
    """Return what there is to say of *database*, which is closed afterwards.

    Nothing is written: tables of an older version stay as they are.
    """
    where = f"database {name}"
    remedies = _SQLITE if name.startswith("sqlite") else _POSTGRESQL
    try:
        async with asyncio.timeout(_WITHIN_S):
            rows = await database.read("SELECT version, digest FROM migrations")
    except (TimeoutError, Unavailable) as error:
        text = getattr(error, "text", "") or f"It did not answer within {_WITHIN_S:g} s."
        return Finding("database.unreachable", where, text, remedies.unreachable)
    except (BadConfiguration, TrustFailure) as error:
        return Finding("database.refused", where, error.text, remedies.refused)
    except HermeticError as error:
        if "migrations" in error.text:
            text = "It has no tables yet: the first start of a web node makes them."
            return Finding("database.behind", where, text, "start the node")
        return Finding("database.refused", where, error.text, remedies.refused)
    return _of_version(where, {row["version"]: row["digest"] for row in rows})


def _of_version(where: str, applied: dict[int, str]) -> Finding:
    known = {one.version: one.digest for one in shipped()}
    if applied.keys() - known.keys():
        text = f"Its tables have form {max(applied)}, and this version knows up to {max(known)}."
        return Finding("database.ahead", where, text, "install the version that wrote it")
    if any(known[version] != digest for version, digest in applied.items()):
        text = "A migration was applied that is not the one of this version."
        return Finding("database.ahead", where, text, "install the version that wrote it")
    if missing := known.keys() - applied.keys():
        text = f"{len(missing)} migrations are still to be applied."
        return Finding("database.behind", where, text, "restart the web nodes")
    return Finding("database.fine", where, f"It answers, with tables of form {max(applied)}.")
