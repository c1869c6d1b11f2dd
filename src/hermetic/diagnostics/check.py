"""The checks of a diagnosis: one question each, with a code, a level and a cause.

A finding is what a check found at one place.  Codes are stable: programs match on them, and
`docs/reference/checks.md` is written from this table.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad something is, in the words of ML Server's `/status`."""

    PASS = "pass"  # noqa: S105 - a word of `/status`
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class Check:
    """One question: its code, how bad it is to find that, and what is behind it."""

    code: str
    level: Level
    cause: str


@dataclass(frozen=True)
class Finding:
    """What a check found: where, in which words, and the command or the line that mends it."""

    code: str
    where: str
    text: str
    remedy: str = ""

    @property
    def level(self) -> Level:
        """How bad it is."""
        return CHECKS[self.code].level


def worst(findings: Iterable[Finding]) -> Level:
    """Return the worst level of *findings*; `pass` if there is none."""
    found = {one.level for one in findings}
    return next((one for one in (Level.FAIL, Level.WARN) if one in found), Level.PASS)


_ROWS = (
    # the settings
    ("settings.fine", Level.PASS, "The settings file can be read, and means something."),
    ("settings.invalid", Level.FAIL, "The settings file, or a variable, cannot be meant."),
    ("settings.plain-http", Level.WARN, "The settings choose plain HTTP for the node's port."),
    ("settings.open-door", Level.WARN, "The settings let in whoever reaches the compute node."),
    # the home
    ("home.fine", Level.PASS, "The home and all keys in it are its owner's alone."),
    ("home.missing", Level.FAIL, "There is no home: no node was started here."),
    ("home.open", Level.FAIL, "Other users of the machine can read the home."),
    ("home.foreign", Level.FAIL, "The home belongs to another user than the one who asks."),
    ("key.open", Level.FAIL, "Other users of the machine can read a private key."),
    ("key.foreign", Level.FAIL, "A private key belongs to another user than its home."),
    ("disk.fine", Level.PASS, "The disk of the home has room."),
    ("disk.low", Level.WARN, "The disk of the home has less than a gigabyte left."),
    ("disk.full", Level.FAIL, "The disk of the home is full, or nearly so."),
    # certificates of this machine
    ("certificate.fine", Level.PASS, "The certificate that the settings name can be presented."),
    ("certificate.missing", Level.FAIL, "No certificate of a store is what the settings name."),
    ("certificate.no-key", Level.FAIL, "The certificate has no private key beside it."),
    ("certificate.ambiguous", Level.FAIL, "Several certificates are what the settings name."),
    ("certificate.expired", Level.FAIL, "The certificate has expired."),
    ("certificate.not-yet-valid", Level.FAIL, "The certificate, or a clock, is ahead of time."),
    (
        "certificate.expires-soon",
        Level.WARN,
        "Less than a sixth of the certificate's life is left.",
    ),
    ("certificate.wrong-purpose", Level.FAIL, "The certificate is not issued for its role."),
    ("certificate.wrong-name", Level.FAIL, "The certificate is for other names."),
    ("certificate.refused", Level.FAIL, "The certificate, or its store, cannot be used."),
    ("trust.fine", Level.PASS, "There are authorities to believe the other side by."),
    ("trust.empty", Level.FAIL, "No authority is trusted, so nobody is believed."),
    ("trust.expired", Level.WARN, "An authority that is trusted has expired."),
    ("trust.unreadable", Level.FAIL, "The trusted authorities cannot be read."),
    ("trust.stale-list", Level.WARN, "A revocation list is past its next update."),
    # names and ports
    ("dns.unknown", Level.FAIL, "A host name has no address."),
    ("dns.elsewhere", Level.PASS, "A name of this node leads to another machine, a balancer say."),
    ("port.fine", Level.PASS, "The node's port presents the certificate that is kept."),
    ("port.closed", Level.FAIL, "Nothing listens on the port: the node does not run."),
    ("port.filtered", Level.FAIL, "Nothing comes back from the port: a firewall, or no route."),
    ("port.silent", Level.FAIL, "The port is open, and whatever listens says nothing: it hangs."),
    ("port.not-the-store", Level.FAIL, "The port presents another certificate than is kept."),
    ("port.plain-http", Level.FAIL, "The port speaks plain HTTP, where TLS is expected."),
    ("port.no-handshake", Level.FAIL, "No handshake came about with the port."),
    # every hop
    ("hop.sealed", Level.PASS, "The hop is sealed, and who answers is who should."),
    ("hop.plain-http", Level.WARN, "The hop is plain HTTP: whoever is on the way reads it all."),
    ("hop.untrusted", Level.FAIL, "The certificate that is presented comes from nobody trusted."),
    ("hop.incomplete", Level.FAIL, "A leaf alone is presented, of an issuer that is not known."),
    ("hop.revoked", Level.FAIL, "The certificate that is presented was taken back."),
    ("hop.old-protocol", Level.WARN, "The hop falls back to TLS 1.2."),
    ("hop.refuses-us", Level.FAIL, "The other side does not accept our certificate."),
    (
        "strangers.refused",
        Level.PASS,
        "Callers without, or with a foreign certificate get nowhere.",
    ),
    ("strangers.let-in", Level.WARN, "Whoever reaches the compute node can let it run code."),
    ("strangers.foreign", Level.FAIL, "The compute node lets in a certificate of no authority."),
    # web nodes
    ("web.ready", Level.PASS, "The web node takes requests."),
    ("web.not-ready", Level.FAIL, "The web node says that it cannot take requests."),
    ("web.silent", Level.FAIL, "The web node did not answer in time."),
    ("web.skewed", Level.WARN, "The clock of the web node is more than five seconds off."),
    ("login.missing", Level.WARN, "Nobody is logged in, so the hops behind were not looked at."),
    ("login.kept-back", Level.WARN, "The token is not sent where anybody could read it."),
    ("login.refused", Level.FAIL, "The web node does not accept the token."),
    ("login.not-owner", Level.WARN, "Only an Owner may look at the hops behind."),
    ("signing.differs", Level.FAIL, "Web nodes sign tokens with different keys."),
    ("database.fine", Level.PASS, "The database answers, and its tables are of this version."),
    ("database.unreachable", Level.FAIL, "The database does not answer."),
    ("database.refused", Level.FAIL, "The database does not let the node in, or cannot be used."),
    ("database.behind", Level.WARN, "The tables are of an older version: a start migrates them."),
    ("database.ahead", Level.FAIL, "The tables are of a newer version."),
    # compute nodes
    ("node.fine", Level.PASS, "The compute node is well, and has run a piece of code."),
    ("node.none", Level.FAIL, "The web node knows no compute node."),
    ("node.failing", Level.FAIL, "The compute node says that something fails in it."),
    ("node.draining", Level.WARN, "The compute node gets no calls: it is drained, or stops."),
    ("node.full", Level.WARN, "Every interpreter of the compute node is busy."),
    ("node.skewed", Level.WARN, "The clock of the compute node is more than two seconds off."),
    ("node.other-version", Level.WARN, "The nodes run different versions of Hermetic."),
    ("node.no-code", Level.FAIL, "The compute node did not run a piece of code."),
    ("node.silent", Level.FAIL, "The compute node did not answer in time."),
)

CHECKS = {code: Check(code, level, cause) for code, level, cause in _ROWS}
"""Every check there is, by its code."""
