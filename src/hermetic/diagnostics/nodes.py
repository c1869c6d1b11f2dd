"""What a web node finds when it looks at itself and at every compute node, from where it stands.

Each compute node is asked as calls are: over the same hop, with the same certificate; and it
runs a piece of code.  All are looked at at once, and one that hangs holds up nobody.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import msgspec
from cryptography import x509

from hermetic.certificates.authorisation import Trust
from hermetic.certificates.credential import Credential
from hermetic.clock import Clock
from hermetic.diagnostics import hop, strangers
from hermetic.diagnostics.check import Finding
from hermetic.errors import (
    Busy,
    DeadlineExceeded,
    HermeticError,
    NotPermitted,
    TrustFailure,
    Unreachable,
)
from hermetic.gateway.nodes import ComputeNode, ComputeNodes
from hermetic.serving.service import RuntimeKind
from hermetic.wire import status as statuses
from hermetic.wire.messages import Status

WITHIN_S = 3.0
"""How long a look at everything may take: less than who asks has time for."""
_CLOSES_WITHIN_S = 0.5
_SKEW_S = 2.0
_CODE = "answer = sum(range(10))"
_ANSWER = 45
_LOG = "journalctl -u hermetic-compute -n 50, over there"

Look = Callable[[], Awaitable[Sequence[Finding]]]


@dataclass(frozen=True)
class Diagnosis:
    """Looks at a web node from within.

    Args:
        nodes: The compute nodes that it gives calls to.
        trust: Whom it believes them by, at the moment.
        credential: What it shows to them, at the moment.
        others: What else there is to look at in this node; each is asked at once with the rest.
        peers: The addresses of the other web nodes that live.
        version: Of Hermetic.
    """

    nodes: ComputeNodes
    trust: Callable[[], Trust]
    credential: Callable[[], Credential | None]
    others: Sequence[Look]
    peers: Callable[[], Sequence[str]]
    version: str
    clock: Clock

    async def look(self) -> list[Finding]:
        """Return everything found, in an order that stays."""
        found = await asyncio.gather(
            *(one() for one in self.others), *(self._within(node) for node in self.nodes)
        )
        findings = [one for some in found for one in some]
        if not len(self.nodes):
            text = "It knows no compute node, so no call can be answered."
            remedy = "hermetic node add https://compute-1.example.com:12805"
            findings.append(Finding("node.none", "this web node", text, remedy))
        return findings

    async def _within(self, node: ComputeNode) -> list[Finding]:
        try:
            async with asyncio.timeout(WITHIN_S):
                return await self._node(node)
        except TimeoutError:
            return [_silent(node)]

    async def _node(self, node: ComputeNode) -> list[Finding]:
        address, where, now = node.address, _called(node), self.clock()
        if address.scheme != "https":
            closed = await hop.opened(where, address.host, address.port)
            text = "Calls and answers go there without TLS."
            remedy = "set Kestrel.HttpsEnabled there, and hermetic node add its https:// address"
            plain = Finding("hop.plain-http", where, text, remedy)
            return [closed] if closed else [plain, *await self._inside(node)]
        target = hop.Hop(
            where,
            address.host,
            address.port,
            judged=self._judged(now),
            credential=self.credential(),
            at=f"on {address.host}",
        )
        findings = await hop.look(target, now)
        if findings[-1].code != "hop.sealed":
            return findings
        stranger, inside = await asyncio.gather(
            strangers.look(where, address.host, address.port, now), self._inside(node)
        )
        return [*findings, *([stranger] if stranger else []), *inside]

    def _judged(self, now: datetime) -> hop.Judged:
        trust = self.trust()

        def judge(certificates: Sequence[x509.Certificate], name: str) -> object:
            return trust.judge(certificates, now, name=name)

        return judge

    async def _inside(self, node: ComputeNode) -> list[Finding]:
        """Ask the node how it is, and let it run a piece of code."""
        where = _called(node)
        try:
            status = await node.client.status()
            answer = await _run(node)
        except (TrustFailure, NotPermitted) as error:
            remedy = "make ClientCertificate.Issuer and .Subject there those of our certificate"
            return [Finding("hop.refuses-us", where, error.text, remedy)]
        except (DeadlineExceeded, Unreachable):
            return [_silent(node)]
        except Busy as error:
            return [Finding("node.full", where, error.text, "raise Pool.MaxSize there")]
        except HermeticError as error:
            return [Finding("node.no-code", where, error.text, _LOG)]
        findings = self._of_status(node, status)
        if answer != _ANSWER:
            text = f"It ran `{_CODE}` and answered {answer!r}, which is not {_ANSWER}."
            return [
                *findings,
                Finding("node.no-code", where, text, f"hermetic node restart {node.address.url}"),
            ]
        return findings or [Finding("node.fine", where, "It is well, and ran a piece of code.")]

    def _of_status(self, node: ComputeNode, status: Status) -> list[Finding]:
        where, details, findings = _called(node), status.details, []
        if status.status_code != statuses.PASS:
            text = str(details.get("failed", "")) or "It says that something fails."
            findings.append(Finding("node.failing", where, text, _LOG))
        if node.retired or node.leaving:
            remedy = f"hermetic node drain --undo {node.address.url}"
            findings.append(Finding("node.draining", where, "It gets no calls.", remedy))
        if details.get("pythonCanOpenShell") == "False":
            text = f"All {details.get('pythonMaxPoolSize')} interpreters are busy."
            findings.append(Finding("node.full", where, text, "raise Pool.MaxSize there"))
        if abs(node.skew_s) > _SKEW_S:
            text = f"Its clock is {node.skew_s:+.1f} s off ours."
            findings.append(Finding("node.skewed", where, text, "timedatectl set-ntp true"))
        theirs = str(details.get("version", ""))
        if theirs != self.version:
            text = f"It runs Hermetic {theirs or 'of an unknown version'}, and we {self.version}."
            remedy = "install the same version everywhere"
            findings.append(Finding("node.other-version", where, text, remedy))
        return findings


def _called(node: ComputeNode) -> str:
    return f"compute node {node.address.url}"


def _silent(node: ComputeNode) -> Finding:
    text = f"It did not answer within {WITHIN_S:g} s."
    return Finding("node.silent", _called(node), text, f"hermetic node restart {node.address.url}")


async def _run(node: ComputeNode) -> object:
    """Return what a piece of code gave in a session of its own."""
    session = str(uuid.uuid4())
    await node.sessions.open(session, RuntimeKind.PYTHON)
    try:
        raw = await node.sessions.execute(session, _CODE, {}, ["answer"])
    finally:
        # Also where the time is up, so this has little of its own; the node closes it otherwise.
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSES_WITHIN_S):
                await node.sessions.close(session, force=True)
    told = msgspec.json.decode(raw)
    outputs = {one["name"]: one["value"] for one in told.get("outputParameters") or ()}
    return outputs.get("answer")
