"""A web node looked at from outside: its hop, whether it is ready, and what it finds itself."""

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from urllib.parse import urlsplit

import msgspec

from hermetic.client.observing import Observed, observe
from hermetic.diagnostics import hop
from hermetic.diagnostics.check import CHECKS, Finding
from hermetic.errors import DeadlineExceeded, HermeticError
from hermetic.wire.diagnosis import DiagnosisResponse, PeersResponse

WITHIN_S = 4.0
"""How long a look at all web nodes, and at everything behind them, may take."""
_PEERS_S = 1.5
_LOGIN = "hermetic login"
_LOG = "journalctl -u hermetic-web -n 50, over there"
_SKEW_S = 5.0


@dataclass(frozen=True)
class Outside:
    """How web nodes are looked at.

    Args:
        context: For connections to them.
        judged: Says whether a chain is believed.
        token: Who asks; `None` where nobody is logged in.
        plain_http: Whether the token may go to the address that is asked first though that is
            plain HTTP.  It never goes so to another, which a node has only named.
    """

    context: ssl.SSLContext
    judged: hop.Judged = field(repr=False)
    token: str | None = field(repr=False)
    plain_http: bool = False

    def sends(self, url: str) -> str | None:
        """Return the token that *url* is asked with."""
        return self.token if url.startswith("https://") or self.plain_http else None


async def look(url: str, outside: Outside, now: datetime) -> list[Finding]:
    """Return what is found at the web node at *url*, and at the other web nodes it knows of.

    Whatever hangs, this ends within `WITHIN_S`, with what was found by then.
    """
    ends = asyncio.get_running_loop().time() + WITHIN_S
    first = asyncio.create_task(_until(ends, url, outside, now))
    others = [one for one in await _others(url, outside) if one.rstrip("/") != url.rstrip("/")]
    named = replace(outside, plain_http=False)
    rest = (_until(ends, one, named, now) for one in others)
    return [one for some in await asyncio.gather(first, *rest) for one in some]


async def _others(url: str, outside: Outside) -> Sequence[str]:
    """Return the web nodes that the one at *url* knows of; none if it does not say."""
    token = outside.sends(url)
    if token is None:
        return ()
    asked = f"{url}/diagnosis/peers"
    try:
        answer = await observe(asked, outside.context, token, within_s=_PEERS_S)
        return msgspec.json.decode(answer.body, type=PeersResponse).web_nodes
    except (HermeticError, msgspec.MsgspecError):
        return ()  # what is wrong with it is found by the look at it


async def _until(ends: float, url: str, outside: Outside, now: datetime) -> list[Finding]:
    findings: list[Finding] = []
    try:
        async with asyncio.timeout_at(ends):
            await _one(url, outside, now, findings)
    except TimeoutError:
        if not any(one.code == "web.silent" for one in findings):
            text = f"It did not tell within {WITHIN_S:g} s what is behind it."
            findings.append(Finding("web.silent", f"web node {url}", text, _LOG))
    return findings


async def _one(url: str, outside: Outside, now: datetime, findings: list[Finding]) -> None:
    """Add to *findings* what is found, as it is found."""
    where, parts = f"web node {url}", urlsplit(url)
    sealed, port = parts.scheme == "https", parts.port or (443 if parts.scheme == "https" else 80)
    host = parts.hostname or ""
    if sealed:
        at = f"on {host}"
        findings += await hop.look(hop.Hop(where, host, port, outside.judged, at=at), now)
        if findings[-1].code != "hop.sealed":
            return
    else:
        closed = await hop.opened(where, host, port)
        if closed:
            findings.append(closed)
            return
        text = "Passwords, tokens and calls go there without TLS."
        remedy = "set Kestrel.HttpsEnabled to true"
        findings.append(Finding("hop.plain-http", where, text, remedy))
    behind = asyncio.create_task(_behind(url, where, outside))
    try:
        findings.append(await _ready(url, where, outside))
        findings += await behind
    finally:
        behind.cancel()


async def _ready(url: str, where: str, outside: Outside) -> Finding:
    try:
        answer = await observe(f"{url}/readyz?verbose", outside.context, None, within_s=2.0)
    except HermeticError as error:
        return Finding("web.silent", where, error.text, _LOG)
    if abs(answer.ahead_s) > _SKEW_S:
        text = f"Its clock is {answer.ahead_s:+.0f} s off the one here."
        return Finding("web.skewed", where, text, "timedatectl set-ntp true")
    if answer.status == 200:
        return Finding("web.ready", where, "It takes requests.")
    text = answer.body.decode("utf-8", "replace").strip().replace("\n", "; ")[:300]
    return Finding("web.not-ready", where, text or f"HTTP {answer.status}", _LOG)


async def _behind(url: str, where: str, outside: Outside) -> list[Finding]:
    token = outside.sends(url)
    if token is None and outside.token is not None:
        text = "The token is not sent over plain HTTP, so what is behind it was not looked at."
        return [Finding("login.kept-back", where, text, "set Kestrel.HttpsEnabled to true")]
    if token is None:
        text = "Nobody is logged in, so what is behind it was not looked at."
        return [Finding("login.missing", where, text, _LOGIN)]
    try:
        answer = await observe(f"{url}/diagnosis", outside.context, token, within_s=WITHIN_S)
    except DeadlineExceeded as error:
        return [Finding("web.silent", where, error.text, _LOG)]
    except HermeticError as error:
        return [Finding("port.no-handshake", where, error.text, _LOG)]
    return _told(where, answer)


def _told(where: str, answer: Observed) -> list[Finding]:
    if answer.status == 401:
        text = "It does not accept the token: it has expired, or was signed with another key."
        return [Finding("login.refused", where, text, _LOGIN)]
    if answer.status == 403:
        text = "Only an Owner may look at what is behind it."
        return [Finding("login.not-owner", where, text, _LOGIN)]
    if answer.status == 404:
        return []  # one box, or somebody else's server: there is nothing behind it
    try:
        told = msgspec.json.decode(answer.body, type=DiagnosisResponse)
    except msgspec.MsgspecError:
        text = f"It answered HTTP {answer.status}, and no diagnosis."
        return [Finding("web.not-ready", where, text, _LOG)]
    # A node of another version may know checks that we do not.
    known = [one for one in told.findings if one.code in CHECKS]
    seen = f", seen from {where.removeprefix('web node ')}"
    return [
        Finding(one.code, one.where.replace("this web node", where) + _from(one.where, seen),
                one.text, one.remedy)
        for one in known
    ]  # fmt: skip


def _from(where: str, seen: str) -> str:
    return seen if where.startswith("compute node") else ""
