"""Who gets in where: the tables, and the cases they make.

`in` means let in; anything else is the code of the refusal, whose first words may be left out.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID

from hermetic.certificates.authorisation import Allowed, Trust
from hermetic.certificates.revocation import Revocations
from hermetic.certificates.roles import Role
from tests.support.callers import (
    CLIENT,
    FAULTS,
    SERVER,
    WEB_1,
    Caller,
    Cast,
    alternatives,
    purposes,
)
from tests.support.mint import RevocationList


@dataclass(frozen=True)
class Case:
    """Somebody knocks at somebody, and what must come of it: `in`, or the code of the refusal."""

    name: str
    verdict: str
    knocks: Callable[[Cast], Caller]
    trust: Callable[[Cast], Trust]
    server: str | None = field(default=None)

    def __str__(self) -> str:
        return self.name


def fingerprint(caller: Caller, *, sha256: bool = True) -> str:
    """Return the fingerprint of a caller's leaf, as a person copies it."""
    algorithm = hashes.SHA256() if sha256 else hashes.SHA1()
    return caller.leaf.fingerprint(algorithm).hex(":").upper()


Policy = Callable[[Cast], dict[str, list[str]]]

POLICIES: dict[str, Policy] = {
    "everybody": lambda cast: {},
    "issuer: signed it": lambda cast: {"issuers": ["CN=Contoso Issuing"]},
    "issuer: the root": lambda cast: {"issuers": ["cn=contoso  root"]},
    "issuer: another": lambda cast: {"issuers": ["CN=Stranger"]},
    "issuer: two": lambda cast: {"issuers": ["CN=Guests", "CN=Legacy Root"]},
    "subject": lambda cast: {"subjects": ["CN=web-1, O=Contoso"]},
    "subject: other order": lambda cast: {"subjects": ["o=CONTOSO;cn=Web-1"]},
    "subject: a part": lambda cast: {"subjects": ["CN=web-1"]},
    "subject: two": lambda cast: {"subjects": ["CN=web-2,O=Contoso", "CN=guest,O=Contoso"]},
    "issuer, subject": lambda cast: {
        "issuers": ["CN=Contoso Root"],
        "subjects": ["CN=web-1,O=Contoso"],
    },
    "name": lambda cast: {"names": ["WEB-1.nodes.test"]},
    "name: any of nodes": lambda cast: {"names": ["*.nodes.test"]},
    "name: address": lambda cast: {"names": ["192.0.2.7", "2001:db8::7"]},
    "name: URI": lambda cast: {"names": ["spiffe://contoso/web-1", "guest.test"]},
    "name: URI above": lambda cast: {"names": ["spiffe://contoso/"]},
    "SHA-256": lambda cast: {"fingerprints": [fingerprint(cast.identity("web-1"))]},
    "SHA-1": lambda cast: {
        "fingerprints": [fingerprint(cast.identity(who), sha256=False) for who in ("any", "guest")]
    },
    "denied": lambda cast: {"denied": [fingerprint(cast.identity("web-1"))]},
    "allowed, denied": lambda cast: {
        "subjects": ["CN=web-1,O=Contoso"],
        "denied": [fingerprint(cast.identity("web-1"), sha256=False)],
    },
    "authority denied": lambda cast: {
        "denied": [cast.issuing.certificate.fingerprint(hashes.SHA1()).hex()]
    },
    "all of it": lambda cast: {
        "issuers": ["CN=Contoso Issuing"],
        "subjects": ["CN=web-1,O=Contoso"],
        "names": ["*.nodes.test"],
        "fingerprints": [fingerprint(cast.identity("web-1"))],
        "denied": [fingerprint(cast.identity("web-2"))],
    },
}

WHO_WHERE = """
                      | web-1       | web-2       | guest       | legacy      | any
everybody             | in          | in          | in          | in          | in
issuer: signed it     | in          | in          | issuer      | issuer      | in
issuer: the root      | in          | in          | in          | issuer      | in
issuer: another       | issuer      | issuer      | issuer      | issuer      | issuer
issuer: two           | issuer      | issuer      | in          | in          | issuer
subject               | in          | subject     | subject     | in          | subject
subject: other order  | in          | subject     | subject     | in          | subject
subject: a part       | subject     | subject     | subject     | subject     | subject
subject: two          | subject     | in          | in          | subject     | subject
issuer, subject       | in          | subject     | subject     | issuer      | subject
name                  | in          | name        | name        | name        | name
name: any of nodes    | in          | in          | name        | name        | in
name: address         | name        | name        | name        | name        | in
name: URI             | in          | name        | in          | name        | name
name: URI above       | name        | name        | name        | name        | name
SHA-256               | in          | fingerprint | fingerprint | fingerprint | fingerprint
SHA-1                 | fingerprint | fingerprint | in          | fingerprint | in
denied                | denied      | in          | in          | in          | in
allowed, denied       | denied      | subject     | subject     | in          | subject
authority denied      | denied      | denied      | in          | in          | denied
all of it             | in          | denied      | issuer      | issuer      | subject
"""

WHAT_FOR = """
                      | authentication | compute     | api
client                | in             | purpose     | purpose
server                | purpose        | in          | in
both                  | in             | in          | in
signing of code       | purpose        | purpose     | purpose
code and client       | in             | purpose     | purpose
"""

PURPOSES = {
    "client": [CLIENT],
    "server": [SERVER],
    "both": [CLIENT, SERVER],
    "signing of code": [ExtendedKeyUsageOID.CODE_SIGNING],
    "code and client": [ExtendedKeyUsageOID.CODE_SIGNING, CLIENT],
}

WHICH_LISTS = """
                      | optional    | required
none                  | in          | no-crl
current               | in          | in
named                 | revoked     | revoked
another named         | in          | in
ended                 | crl-expired | crl-expired
ended, then current   | in          | in
named once            | in          | in
named, then ended     | revoked     | revoked
not yet               | bad-crl     | bad-crl
forged                | bad-crl     | bad-crl
of a stranger         | in          | no-crl
of the issuer alone   | in          | no-crl
of the root alone     | in          | no-crl
issuer withdrawn      | revoked     | revoked
root's ended          | crl-expired | crl-expired
"""


def _forged(cast: Cast) -> RevocationList:
    """Return a list under the issuer's name, signed by the other who has it."""
    return cast.crl(cast.namesake)


LISTS: dict[str, Callable[[Cast, Caller], list[RevocationList]]] = {
    "none": lambda cast, who: [],
    "current": lambda cast, who: [cast.crl(cast.issuing), cast.crl(cast.root)],
    "named": lambda cast, who: [cast.crl(cast.issuing, who.leaf), cast.crl(cast.root)],
    "another named": lambda cast, who: list(cast.lists),
    "ended": lambda cast, who: [cast.crl(cast.issuing, ends=-1), cast.crl(cast.root)],
    "ended, then current": lambda cast, who: [
        cast.crl(cast.issuing, ends=-1),
        cast.crl(cast.issuing),
        cast.crl(cast.root),
    ],
    # A hold that was lifted: only what counts now is asked.
    "named once": lambda cast, who: [
        cast.crl(cast.issuing, who.leaf, ends=-1),
        cast.crl(cast.issuing),
        cast.crl(cast.root),
    ],
    "named, then ended": lambda cast, who: [
        cast.crl(cast.issuing, who.leaf),
        cast.crl(cast.issuing, ends=-1),
        cast.crl(cast.root),
    ],
    "not yet": lambda cast, who: [cast.crl(cast.issuing, begins=1, ends=2), cast.crl(cast.root)],
    "forged": lambda cast, who: [_forged(cast), cast.crl(cast.root)],
    "of a stranger": lambda cast, who: [cast.crl(cast.stranger, who.leaf)],
    "of the issuer alone": lambda cast, who: [cast.crl(cast.issuing)],
    "of the root alone": lambda cast, who: [cast.crl(cast.root)],
    "issuer withdrawn": lambda cast, who: [
        cast.crl(cast.issuing),
        cast.crl(cast.root, cast.issuing.certificate),
    ],
    "root's ended": lambda cast, who: [cast.crl(cast.issuing), cast.crl(cast.root, ends=-1)],
}

# A compute node is reached by a name; its certificate says which it has.
SERVERS = {
    "its name": ("node-1.nodes.test", "in"),
    "its name in another case": ("NODE-1.Nodes.Test", "in"),
    "one of its wildcard": ("a.pool.test", "in"),
    "two labels for a wildcard": ("a.b.pool.test", "wrong-name"),
    "its address": ("192.0.2.9", "in"),
    "its address of IPv6": ("2001:db8::9", "in"),
    "another address": ("192.0.2.8", "wrong-name"),
    "its common name": ("node-1", "wrong-name"),
    "another name": ("node-2.nodes.test", "wrong-name"),
}


def trusting(cast: Cast, allowed: Allowed | None = None, role: Role = Role.AUTHENTICATION) -> Trust:
    """Return the trust of a compute node that has its roots and lists."""
    return Trust(
        cast.roots,
        role,
        revocations=Revocations(cast.lists),
        allowed=allowed or Allowed(),
    )


def identity(name: str) -> Callable[[Cast], Caller]:
    """Return what makes the identity of that name."""
    return lambda cast: cast.identity(name)


def policy(name: str) -> Callable[[Cast], Trust]:
    """Return what makes a trust that allows whom the policy of that name allows."""
    return lambda cast: trusting(cast, Allowed.parse(**POLICIES[name](cast)))


def rows(table: str) -> Iterator[tuple[str, str, str]]:
    """Yield row, column and cell of a table."""
    head, *lines = (
        [cell.strip() for cell in line.split("|")] for line in table.strip("\n").splitlines()
    )
    for name, *cells in lines:
        for column, cell in zip(head[1:], cells, strict=True):
            yield name, column, cell


def _code(cell: str) -> str:
    short = {"issuer", "subject", "name", "fingerprint", "purpose"}
    return f"wrong-{cell}" if cell in short else cell


def who_where() -> Iterator[Case]:
    for row, who, cell in rows(WHO_WHERE):
        yield Case(f"{who} where {row}", _code(cell), identity(who), policy(row))


def faults() -> Iterator[Case]:
    """Yield each fault, where everybody is let in and where names alone would let it in."""
    for name, fault in FAULTS.items():
        for where in ("everybody", "subject"):
            yield Case(f"{name} where {where}", fault.code, fault.make, policy(where))


def what_for() -> Iterator[Case]:
    for row, column, cell in rows(WHAT_FOR):

        def knocks(cast: Cast, row: str = row) -> Caller:
            return cast.caller(put=(WEB_1, purposes(*PURPOSES[row])))

        def trust(cast: Cast, column: str = column) -> Trust:
            return trusting(cast, role=Role(column))

        yield Case(f"for {row} as {column}", _code(cell), knocks, trust)


def which_lists() -> Iterator[Case]:
    for row, column, cell in rows(WHICH_LISTS):

        def trust(cast: Cast, row: str = row, column: str = column) -> Trust:
            lists = LISTS[row](cast, cast.identity("web-1"))
            return Trust(
                cast.roots,
                Role.AUTHENTICATION,
                revocations=Revocations(lists, required=column == "required"),
            )

        yield Case(f"lists: {row}, {column}", cell, identity("web-1"), trust)


def servers() -> Iterator[Case]:
    names = alternatives(
        "node-1.nodes.test", "*.pool.test", "192.0.2.9", "2001:db8::9", "spiffe://contoso/node-1"
    )
    for name, (server, verdict) in SERVERS.items():
        yield Case(
            f"reached by {name}",
            verdict,
            lambda cast: cast.caller("node-1", put=(names, purposes(SERVER))),
            lambda cast: trusting(cast, role=Role.COMPUTE),
            server,
        )


def all_cases() -> list[Case]:
    """Return every case of every table."""
    return [*who_where(), *faults(), *what_for(), *which_lists(), *servers()]
