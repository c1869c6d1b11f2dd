"""SQL as it is written once, in the words of PostgreSQL.

Pure.  SQLite takes it as it stands.  Where the two use one word for different things, what
SQLite means holds: an INTEGER has 64 bits, and text is compared byte by byte.
"""

import re
from functools import lru_cache

_TOKEN = re.compile(
    r"""
    (?P<kept> '(?:[^']|'')*' | "(?:[^"]|"")*" | --[^\n]* )
    | (?P<mark> \? )
    | \b (?P<type> INTEGER | REAL | BLOB | TEXT ) \b
    """,
    re.VERBOSE,
)
_SHAPES_A_TABLE = re.compile(r"(?:\s|--[^\n]*\n)*(?:CREATE|ALTER)\s+TABLE\b")
_TYPES = {"INTEGER": "BIGINT", "REAL": "DOUBLE PRECISION", "BLOB": "BYTEA", "TEXT": "TEXT"}


@lru_cache(maxsize=1024)
def for_postgresql(sql: str) -> str:
    """Return *sql* with `$1`, `$2` … for each `?`, and with PostgreSQL's names of types.

    Only names in capitals are types, so that a column may be called `text`.
    """
    types = dict(_TYPES)
    if _SHAPES_A_TABLE.match(sql):
        types["TEXT"] = 'TEXT COLLATE "C"'
    number = 0

    def put(match: re.Match[str]) -> str:
        nonlocal number
        if match["mark"]:
            number += 1
            return f"${number}"
        return types[match["type"]] if match["type"] else match["kept"]

    return _TOKEN.sub(put, sql)
