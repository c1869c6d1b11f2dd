"""A front end: a host name that a web node answers to, and how what is said there is sealed.

Pure: what becomes of a front end's TLS is decided here, from what is asked and what is there; who
has certificates made, checked and presented is told.  The states, and what leads from one to
another, are those of Azure ML's `sslConfiguration`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from hermetic.errors import BadInput, Conflict

SUFFIX_LENGTH = 6
_LABEL = re.compile(r"[a-z](?:[a-z0-9-]{0,54}[a-z0-9])?\Z")


class TlsState(StrEnum):
    """How a front end is sealed."""

    DISABLED = "Disabled"
    """Plain HTTP."""
    ENABLED = "Enabled"
    """With a certificate that its owner gave, who also renews it."""
    AUTO = "Auto"
    """With one that is issued for a name of ours, and renews itself."""


@dataclass(frozen=True)
class Zone:
    """Where the names of front ends lie: `<label><suffix>.<region>.<domain>`."""

    region: str
    domain: str

    def name(self, label: str, suffix: str) -> str:
        """Return the host name of *label* with *suffix*."""
        return f"{label}{suffix}.{self.region}.{self.domain}"


@dataclass(frozen=True)
class FrontEndTls:
    """The TLS of a front end.

    `host` is the name it answers to, "" where it has none.  `label` and `suffix` are remembered
    where it is no longer `AUTO`, so that the same label leads to the same name again.
    """

    state: TlsState = TlsState.DISABLED
    host: str = ""
    label: str = ""
    suffix: str = ""


UNSEALED = FrontEndTls()
"""What a front end is before anything is asked of it."""


@dataclass(frozen=True)
class Asked:
    """What is asked of a front end's TLS; `None` leaves it as it is."""

    state: TlsState | None = None
    renew: bool = False
    label: str = ""
    overwrite: bool = False
    host: str = ""
    certificate: str | None = None
    key: str | None = None


class Needed(StrEnum):
    """What has to be done about a certificate for a change to be true."""

    NOTHING = "nothing"
    """The one that is there goes on, or there is none."""
    ISSUE = "issue"
    """One is to be issued for the new name."""
    TAKE = "take"
    """The one that was given is to be checked, and taken."""
    FORGET = "forget"
    """What is there is to be forgotten."""


@dataclass(frozen=True)
class Decision:
    """What becomes of a front end, and what that needs."""

    tls: FrontEndTls
    needed: Needed


def decide(
    now: FrontEndTls, asked: Asked, zone: Zone, suffix: Callable[[], str], *, internal: bool
) -> Decision:
    """Return what *asked* makes of *now*.

    Args:
        now: How the front end is sealed now.
        asked: What is asked of it.
        zone: Where the names of front ends lie.
        suffix: Gives six random letters and digits.
        internal: Whether it is reached from within a network alone, where no name of ours leads.

    Raises:
        BadInput: What is asked makes no sense, or not here.
        Conflict: Another label is asked for, and the present one is not to be overwritten.
    """
    if asked.state is TlsState.DISABLED:
        return Decision(replace(now, state=TlsState.DISABLED, host=""), Needed.FORGET)
    if asked.renew:
        if now.state is not TlsState.AUTO:
            raise BadInput(
                f"There is nothing to renew: TLS is {now.state} here, and only a certificate that"
                " belongs to a leaf domain label is renewed. Give a new certificate and its key."
            )
        return Decision(now, Needed.ISSUE)
    if asked.state is TlsState.ENABLED:
        return _own(now, asked)
    if asked.state is TlsState.AUTO:
        return _auto(now, asked, zone, suffix, internal=internal)
    return Decision(now, Needed.NOTHING)


def _own(now: FrontEndTls, asked: Asked) -> Decision:
    if not asked.host:
        raise BadInput("A certificate of your own needs the name it is for: give its cname.")
    tls = replace(now, state=TlsState.ENABLED, host=asked.host.lower())
    if asked.certificate and asked.key:
        return Decision(tls, Needed.TAKE)
    # Keys are never shown, so who writes back what was read has none.
    if now.state is TlsState.ENABLED and now.host == tls.host and not asked.key:
        return Decision(now, Needed.NOTHING)
    raise BadInput("A certificate of your own is given with its key: give both, as PEM.")


def _auto(
    now: FrontEndTls, asked: Asked, zone: Zone, suffix: Callable[[], str], *, internal: bool
) -> Decision:
    label = asked.label.lower()
    if not _LABEL.match(label):
        raise BadInput(
            f"{asked.label[:80]!r} cannot be a leaf domain label: use up to 56 letters, digits and"
            " dashes, beginning with a letter and not ending with a dash."
        )
    if internal:
        raise BadInput(
            "Behind an internal load balancer no certificate of a leaf domain label can be had:"
            " give a certificate of your own, or set the load balancer's type to PublicIp."
        )
    if label == now.label:
        tls = replace(now, state=TlsState.AUTO, host=zone.name(label, now.suffix))
        is_there = now.state is TlsState.AUTO and now.host == tls.host
        return Decision(tls, Needed.NOTHING if is_there else Needed.ISSUE)
    if now.state is TlsState.AUTO and not asked.overwrite:
        raise Conflict(
            f"The leaf domain label is {now.label!r}, and clients call {now.host}: say that the"
            f" existing domain is to be overwritten if it is to be {label!r}."
        )
    fresh = suffix()
    tls = FrontEndTls(TlsState.AUTO, zone.name(label, fresh), label, fresh)
    return Decision(tls, Needed.ISSUE)
