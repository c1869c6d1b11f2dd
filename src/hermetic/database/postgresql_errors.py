"""What PostgreSQL and its client library say when something fails, in our own words.

Pure.  A statement that failed has a code (SQLSTATE); a connection that could not be made has
a text only, so that is looked at for the code it stands for.  A server that speaks another
language than English is then understood less well, and still quoted.
"""

import re

from hermetic.database.connection_string import ConnectionParameters
from hermetic.errors import (
    BadConfiguration,
    BadInput,
    Busy,
    HermeticError,
    StorageFull,
    TrustFailure,
    Unavailable,
)

RETRIED = frozenset({"40001", "40P01"})
"""Codes of transactions that lost against another, and may win when they are run again."""

_RETRY_S = 5  # a server that restarts, or a standby that takes over, needs about that

_UNTRUSTED, _UNSEALED, _BAD_FILE = "untrusted", "unsealed", "bad file"
_PASSWORD, _RULES, _DATABASE, _FULL_HOUSE = "28P01", "28000", "3D000", "53300"

# In the order in which they are looked for; the texts are libpq's and the server's.
_SPOKEN = (
    (r"certificate verify failed|does not match host name|has no names", _UNTRUSTED),
    (r"private key file|could not (?:read|load) ", _BAD_FILE),
    (r"server does not support SSL", _UNSEALED),
    (r"password authentication failed|no password supplied", _PASSWORD),
    (r"no pg_hba\.conf entry|role .* does not exist|valid client certificate", _RULES),
    (r"certificate authentication failed|is not permitted to log in", _RULES),
    (r"database .* does not exist", _DATABASE),
    (r"permission denied for database", "42501"),
    (r"too many (?:connections|clients)|connection slots are reserved", _FULL_HOUSE),
)


def error_of(
    where: ConnectionParameters, code: str | None, text: str, *, is_connecting: bool = False
) -> HermeticError:
    """Return what went wrong at *where* as an error of ours, with what to do next."""
    cause = _first_line(where, text)
    code = code or (_code_of(text) if is_connecting else None)
    if code is None or code.startswith(("08", "57P")):
        return _unreachable(where, cause, is_connecting=is_connecting)
    if code in {_UNTRUSTED, _UNSEALED, _BAD_FILE}:
        return _untrusted(where, code, cause)
    if code in _REFUSED or code[:2] in _REFUSED:
        remedy = _REFUSED.get(code) or _REFUSED[code[:2]]
        remedy = remedy.format(user=where.user, database=where.database)
        return BadConfiguration(f"The database {where.place} refuses it ({cause}): {remedy}.")
    return _of_statement(where, code, cause)


def lost_beyond_knowing(where: ConnectionParameters) -> Unavailable:
    """Return the error of a change of which nobody knows whether it was kept."""
    return Unavailable(
        f"The connection to the database {where.place} was lost while a change was being kept, and"
        " it cannot be asked whether it was: look before you try again.",
        _RETRY_S,
    )


def too_slow(where: ConnectionParameters) -> Unavailable:
    """Return the error of a database that did not answer in time."""
    return Unavailable(
        f"The database {where.place} does not answer in time: look at its server's load and log.",
        _RETRY_S,
    )


_REFUSED = {
    _PASSWORD: "correct the user and the password in the connection string",
    "28": "allow user {user!r} in pg_hba.conf, or correct the connection string",
    _DATABASE: "make it by CREATE DATABASE, owned by user {user!r}, or correct its name",
    "42501": "let user {user!r} do so, best by making it the owner of database {database!r}",
    "XX001": "it is damaged, so restore it from a copy",
    "XX002": "an index is damaged, so have its administrator say REINDEX DATABASE",
}


def _of_statement(where: ConnectionParameters, code: str, cause: str) -> HermeticError:
    if code == "53100":
        return StorageFull(
            f"There is no room for the database {where.place} ({cause}); nothing was changed."
            " Free some space on its server."
        )
    if code == "25006":
        return Unavailable(
            f"The database {where.place} takes no changes ({cause}): it is a standby or was set to"
            " read only; name its primary in the connection string.",
            _RETRY_S,
        )
    if code in RETRIED:
        return Busy(f"Others change the database {where.place} at the same moment: try again.")
    if code in {"57014", "55P03", "25P03"}:
        return too_slow(where)
    if code.startswith("53"):
        return Unavailable(
            f"The database {where.place} has nothing left to serve us with ({cause}): raise"
            " max_connections or the memory of its server.",
            _RETRY_S,
        )
    if code.startswith("22"):
        return BadInput(f"It cannot be kept in the database ({cause}): take that out.")
    return HermeticError(f"The database {where.place} failed: {cause}.")


def _unreachable(where: ConnectionParameters, cause: str, *, is_connecting: bool) -> Unavailable:
    if is_connecting:
        return Unavailable(
            f"The database {where.place} cannot be reached ({cause}): see that its server runs"
            " and that the connection string names it.",
            _RETRY_S,
        )
    return Unavailable(
        f"The connection to the database {where.place} was lost ({cause}); nothing was changed,"
        " so try again."
    )


def _untrusted(where: ConnectionParameters, code: str, cause: str) -> HermeticError:
    if code == _BAD_FILE:
        return BadConfiguration(
            f"A file that the connection string of the database {where.place} names cannot be used"
            f" ({cause}): correct its path or its rights."
        )
    remedy = (
        "switch TLS on there (ssl = on)"
        if code == _UNSEALED
        else "name the authority that issued its certificate as Root Certificate, and the server by"
        " a name in it as Host"
    )
    return TrustFailure(f"The database {where.place} cannot be trusted ({cause}): {remedy}.")


def _code_of(text: str) -> str | None:
    for pattern, code in _SPOKEN:
        if re.search(pattern, text):
            return code
    return None


def _first_line(where: ConnectionParameters, text: str) -> str:
    """Return what *text* says first, without the prefixes of the client library."""
    line = text.strip().partition("\n")[0]
    line = line.rpartition(" failed: ")[2] if line.startswith("connection ") else line
    line = line.removeprefix("FATAL:").strip().rstrip(".")
    # Neither library quotes it, and neither promises that.
    return line.replace(where.password, "…") if where.password else line
