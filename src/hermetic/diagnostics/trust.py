"""Certificates of this machine: what would be presented, and whom the other side is believed by."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from hermetic.certificates.chain import Chain
from hermetic.certificates.names import ServerName
from hermetic.certificates.profile import check_name
from hermetic.certificates.refusal import shown
from hermetic.certificates.roles import Role, check
from hermetic.certificates.selection import Choice
from hermetic.certstore.files import FileStore
from hermetic.certstore.stores import Stores
from hermetic.diagnostics.check import Finding
from hermetic.diagnostics.hop import is_ending, time_left
from hermetic.errors import CertificateRejected, HermeticError, NotFound

_CODES = {
    "no-match": "certificate.missing",
    "no-certificate": "certificate.missing",
    "no-key": "certificate.no-key",
    "ambiguous": "certificate.ambiguous",
    "expired": "certificate.expired",
    "not-yet-valid": "certificate.not-yet-valid",
    "wrong-purpose": "certificate.wrong-purpose",
    "no-san": "certificate.wrong-name",
    "wrong-name": "certificate.wrong-name",
}


@dataclass(frozen=True)
class Named:
    """A certificate that settings name: under which key, for which role, and for which names."""

    setting: str
    choice: Choice
    role: Role
    names: tuple[str, ...] = ()


def chosen(stores: Stores, named: Named, now: datetime) -> tuple[list[Finding], Chain | None]:
    """Return what is wrong with a certificate that settings name, and its chain if it is good."""
    where = f"certificate of {named.setting}"
    remedy = f"hermetic certificate import FILE --role {named.role.value}"
    try:
        chain = stores.choose(named.choice, role=named.role, at=now).chain
        _check_names(chain, named.names)
    except CertificateRejected as error:
        code = _CODES.get(error.code, "certificate.refused")
        return [Finding(code, where, error.text, remedy)], None
    except HermeticError as error:
        return [Finding("certificate.refused", where, error.text, remedy)], None
    return [presentable(where, chain, now, remedy)], chain


def own(store: FileStore, role: Role, now: datetime) -> tuple[list[Finding], Chain | None]:
    """Return what is wrong with what our own authority issued for *role*, and its chain."""
    where, remedy = f"certificate of our own authority ({role.value})", "restart the node"
    try:
        chain = store.read(role.value).chain
        check(chain, role)
    except NotFound:
        return [], None  # it is made when the node starts
    except CertificateRejected as error:
        code = _CODES.get(error.code, "certificate.refused")
        return [Finding(code, where, error.text, remedy)], None
    except HermeticError as error:
        return [Finding("certificate.refused", where, error.text, remedy)], None
    return [presentable(where, chain, now, remedy)], chain


def presentable(where: str, chain: Chain, now: datetime, remedy: str) -> Finding:
    """Return how long *chain* is still good for."""
    leaf, left = chain.leaf, time_left(chain.leaf, now)
    if chain.not_after < now:
        ended = f"{chain.not_after:%Y-%m-%d %H:%M} UTC"
        text = f"{shown(leaf.subject)} expired on {ended}."
        return Finding("certificate.expired", where, text, remedy)
    if is_ending(leaf, now):
        text = f"{shown(leaf.subject)} is good for {left} more."
        return Finding("certificate.expires-soon", where, text, remedy)
    return Finding("certificate.fine", where, f"{shown(leaf.subject)}, {left} left.")


def believed(stores: Stores, own_root: x509.Certificate | None, now: datetime) -> list[Finding]:
    """Return whether there is anybody to believe the other side by."""
    where, remedy = "trusted authorities", "hermetic certificate trust company-ca.pem"
    try:
        roots = [*stores.roots(), *([own_root] if own_root else [])]
        lists = stores.revocation_lists()
    except HermeticError as error:
        return [Finding("trust.unreadable", where, error.text, remedy)]
    if not roots:
        text = "There is none, so whoever is at the other end is refused."
        return [Finding("trust.empty", where, text, remedy)]
    ended = [one for one in roots if one.not_valid_after_utc < now]
    findings = [
        Finding("trust.expired", where, f"{shown(one.subject)} has expired.", remedy)
        for one in ended
    ]
    if len(ended) == len(roots):
        text = "All of them have expired, so whoever is at the other end is refused."
        return [*findings, Finding("trust.empty", where, text, remedy)]
    findings += _of_lists(lists, now)
    return findings or [Finding("trust.fine", where, f"{len(roots)} of them.")]


def _of_lists(lists: Sequence[x509.CertificateRevocationList], now: datetime) -> list[Finding]:
    return [
        Finding(
            "trust.stale-list",
            f"revocation list of {shown(one.issuer)}",
            f"The next was to come on {one.next_update_utc:%Y-%m-%d %H:%M} UTC.",
            "hermetic certificate import the newer list of that authority",
        )
        for one in lists
        if one.next_update_utc is not None and one.next_update_utc < now
    ]


def _check_names(chain: Chain, names: Sequence[str]) -> None:
    for name in names:
        check_name(chain.leaf, ServerName.parse(name))
