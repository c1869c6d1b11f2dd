"""How PostgreSQL is reached, read from one line of text.

Pure.  Two forms are known: the one ML Server's settings have (`User ID=…;Password=…;Host=…`, as
Npgsql reads it) and the address `postgresql://…`, as libpq reads it.  A text that cannot be read
may be a password with a semicolon in it: so no error here repeats a value, nor a key that
follows a password.
"""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import ip_address
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from hermetic.errors import BadConfiguration

PORT = 5432

_SCHEMES = ("postgresql://", "postgres://")


class SslMode(StrEnum):
    """How far a connection is sealed, by libpq's names."""

    DISABLE = "disable"
    ALLOW = "allow"
    PREFER = "prefer"
    REQUIRE = "require"
    VERIFY_CA = "verify-ca"
    VERIFY_FULL = "verify-full"

    @property
    def verifies(self) -> bool:
        """Whether the server has to prove who it is."""
        return self in {SslMode.VERIFY_CA, SslMode.VERIFY_FULL}


@dataclass(frozen=True)
class ConnectionParameters:
    """Where a database is and how to come in.

    `host` is a name, an address, or the folder of a Unix socket.  Files are paths of PEM files;
    without `root_certificate` a server that has to prove itself does so to the system's
    authorities.
    """

    host: str
    database: str
    user: str
    password: str | None = field(default=None, repr=False)
    port: int = PORT
    ssl_mode: SslMode = SslMode.VERIFY_FULL
    root_certificate: str | None = None
    certificate: str | None = None
    key: str | None = None

    @property
    def place(self) -> str:
        """The database and where it is, for people."""
        return f"{self.database!r} at {self.host}:{self.port}"


# What each key is in us, then in Npgsql's form (without blanks, any case), then in an address.
_KEYS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "host": (("Host", "Server"), ("host",)),
    "port": (("Port",), ("port",)),
    "database": (("Database", "DB"), ("dbname",)),
    "user": (("User ID", "Username", "User Name", "UID"), ("user",)),
    "password": (("Password", "PWD", "PSW"), ("password",)),
    "ssl_mode": (("SSL Mode",), ("sslmode",)),
    "root_certificate": (("Root Certificate",), ("sslrootcert",)),
    "certificate": (("SSL Certificate",), ("sslcert",)),
    "key": (("SSL Key",), ("sslkey",)),
    # The documented strings have it; connections are kept open whatever it says.
    "": (("Pooling",), ()),
}


def _folded(name: str) -> str:
    """Return *name* without what does not tell two keys, or two modes, apart."""
    return re.sub(r"[\s_-]+", "", name).lower()


_OF_STRINGS = {_folded(name): key for key, (names, _) in _KEYS.items() for name in names}
_OF_ADDRESSES = {name: key for key, (_, names) in _KEYS.items() for name in names}
_STRING_NAMES = [name for names, _ in _KEYS.values() for name in names]

_PAIR = re.compile(
    r"""
    \s* (?P<key> [^=;]*? ) \s* = \s*
    (?: "(?P<double> (?: [^"] | "" )* )" | '(?P<single> (?: [^'] | '' )* )'
      | (?! ["'] ) (?P<plain> [^;]*? ) )
    \s* (?: ; | \Z )
    """,
    re.VERBOSE | re.DOTALL,
)


def parse(text: str) -> ConnectionParameters:
    """Return what a connection string says.

    Without a word on it, a server on another machine has to prove who it is (`verify-full`), and
    so has one whose authority is named; otherwise TLS is used on this machine if it is offered.

    Raises:
        BadConfiguration: It cannot be read, or lacks something.
    """
    text = text.strip()
    values = _of_address(text) if text.startswith(_SCHEMES) else _of_pairs(text)
    for key in ("host", "database", "user"):
        if not values.get(key):
            raise _refusal(f"names no {_KEYS[key][0][0]}: add `{_KEYS[key][0][0]}=…`")
    if "," in values["host"]:
        raise _refusal(
            "names several hosts: name one, or an address that leads to whichever is there"
        )
    if bool(values.get("certificate")) is not bool(values.get("key")):
        raise _refusal("names one of SSL Certificate and SSL Key: the two belong together")
    return ConnectionParameters(
        host=values["host"],
        port=_port(values.get("port") or str(PORT)),
        database=values["database"],
        user=values["user"],
        password=values.get("password") or None,
        ssl_mode=_ssl_mode(values),
        root_certificate=values.get("root_certificate") or None,
        certificate=values.get("certificate") or None,
        key=values.get("key") or None,
    )


def is_this_machine(host: str) -> bool:
    """Whether *host* can be nobody else: a Unix socket, or a loopback address."""
    if host.startswith(("/", "@")) or host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _of_pairs(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    place, before = 0, ""
    while text[place:].strip(" \t\r\n;"):
        place += len(text[place:]) - len(text[place:].lstrip(" \t\r\n;"))
        match = _PAIR.match(text, place)
        if match is None:
            raise _refusal(
                f"cannot be read {_whereabouts(before)}: write `Key=value;`, and a value with a"
                " semicolon or a quote in quotes"
            )
        key = _of_strings(match["key"], before)
        if key in found:
            raise _refusal(f"says {_KEYS[key][0][0]} twice: leave one of them out")
        found[key] = _value(match)
        place, before = match.end(), key or before
    return found


def _value(match: re.Match[str]) -> str:
    if match["double"] is not None:
        return match["double"].replace('""', '"')
    if match["single"] is not None:
        return match["single"].replace("''", "'")
    return match["plain"]


def _of_strings(name: str, before: str) -> str:
    key = _OF_STRINGS.get(_folded(name))
    if key is not None:
        return key
    if before == "password":
        near = difflib.get_close_matches(name, _STRING_NAMES, 1)
        raise _refusal(
            f"has a key nobody knows after the password{f' ({near[0]}, maybe)' if near else ''}:"
            " correct it, or put the password in quotes if it has a semicolon in it"
        )
    raise _unknown("key", name, _STRING_NAMES)


def _of_address(text: str) -> dict[str, str]:
    try:
        address = urlsplit(text)
        found = dict(_of_authority(address))
    except ValueError:
        raise _unreadable_address() from None  # the cause quotes what it could not read
    # Where a password was not encoded, its rest ends up in one of these.
    rest = address.path + address.fragment + ("" if "@" in address.netloc else address.query)
    if address.fragment or "@" in rest or address.netloc.count("@") > 1:
        raise _unreadable_address()
    for name, value in parse_qsl(address.query, keep_blank_values=True):
        if name not in _OF_ADDRESSES:
            raise _unknown("parameter", name, _OF_ADDRESSES)
        if _OF_ADDRESSES[name] in found:
            raise _refusal(f"says {name} twice: leave one of them out")
        found[_OF_ADDRESSES[name]] = value
    return found


def _of_authority(address: SplitResult) -> Iterator[tuple[str, str]]:
    place = address.netloc.rpartition("@")[2]
    # Not `hostname`, which is in lower case, and may be the folder of a socket.
    host = place[1 : place.index("]")] if place.startswith("[") else place.partition(":")[0]
    parts = {
        "user": address.username,
        "password": address.password,
        "host": host,
        "port": "" if address.port is None else str(address.port),
        "database": address.path.removeprefix("/"),
    }
    for key, value in parts.items():
        if value:
            yield key, unquote(value)


def _ssl_mode(values: Mapping[str, str]) -> SslMode:
    text = values.get("ssl_mode")
    if not text:
        trusts = is_this_machine(values["host"]) and not values.get("root_certificate")
        return SslMode.PREFER if trusts else SslMode.VERIFY_FULL
    for mode in SslMode:
        if _folded(mode) == _folded(text):
            return mode
    raise _refusal(f"has an SSL Mode that is none of {', '.join(SslMode)}")


def _port(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 0 < int(text) < 65536:
        raise _refusal("has a Port that is no number from 1 to 65535")
    return int(text)


def _whereabouts(before: str) -> str:
    return f"after {_KEYS[before][0][0]}" if before else "at its beginning"


def _unreadable_address() -> BadConfiguration:
    return _refusal(
        "cannot be read: it is postgresql://USER:PASSWORD@HOST:PORT/DATABASE, and any of"
        " : / ? # @ % within a name or password is written as %3A %2F %3F %23 %40 %25"
    )


def _unknown(what: str, name: str, known: Iterable[str]) -> BadConfiguration:
    near = difflib.get_close_matches(name, list(known), 1)
    remedy = f"{near[0]} may be meant" if near else "leave it out"
    return _refusal(f"has the unknown {what} {name[:40]!r}: {remedy}")


def _refusal(what: str) -> BadConfiguration:
    return BadConfiguration(f"The connection string of PostgreSQL {what}.")
