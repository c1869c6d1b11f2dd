"""An ACME server that proves nothing and signs everything, and fails as it is told to.

Pebble judges whether a client speaks the protocol; this one shows what a client does when a server
limits, lags, breaks off or talks nonsense.  What is to go wrong stands in `faults`, by endpoint;
each is used once, in their order, before the endpoint behaves.
"""

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

from cryptography import x509

from hermetic.certificates import signing
from hermetic.certificates.keys import PublicKey
from hermetic.certificates.names import names_of
from hermetic.certificates.roles import Role
from hermetic.clock import Clock, system_clock
from hermetic.tls.contexts import server_context
from tests.support.certificates import DAY, Hierarchy, hierarchy

_PROBLEM = "urn:ietf:params:acme:error:"


@dataclass(frozen=True)
class Fault:
    """What is answered instead.

    Args:
        hangs: Nothing is.
        cut: How many bytes of the answer come before the connection breaks off; all if None.
    """

    status: int = 500
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    hangs: bool = False
    cut: int | None = None


def problem(code: str, status: int = 400, **headers: str) -> Fault:
    """Return a refusal as RFC 8555 (6.7) has it."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    body = json.dumps({"type": _PROBLEM + code, "detail": f"{code} was wished for"}).encode()
    return Fault(status, body, {"content-type": "application/problem+json", **named})


def saying(status: int, told: object, **headers: str) -> Fault:
    """Return another answer than the usual one."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Fault(status, json.dumps(told).encode(), named)


@dataclass
class _Order:
    names: list[dict[str, str]]
    proved: set[int] = field(default_factory=set)
    pem: bytes = b""


class AcmeServer:
    """The server; `serving` runs one."""

    def __init__(self, authority: Hierarchy, clock: Clock, life: timedelta) -> None:
        self.authority, self._clock, self.life = authority, clock, life
        self.port, self.ca = 0, b""
        self.faults: dict[str, list[Fault]] = {}
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.times: list[datetime] = []
        self.window: tuple[datetime, datetime] | None = None
        self.meta: dict[str, object] = {}
        self.certifies: list[str] = []
        """Names to certify instead of those that were asked for."""
        self.lag = 0
        """How often an order that was finalized is said to be processing."""
        self._orders: list[_Order] = []
        self._nonces = 0

    @property
    def directory(self) -> str:
        return f"https://localhost:{self.port}/directory"

    def count(self, endpoint: str) -> int:
        """Return how often *endpoint* was asked."""
        return sum(name == endpoint for name, _ in self.asked)

    def payloads(self, endpoint: str) -> list[dict[str, Any]]:
        return [payload for name, payload in self.asked if name == endpoint]

    def answer(self, path: str, body: bytes) -> Fault:
        """Return what *path* is answered with."""
        endpoint, _, rest = path.strip("/").partition("/")
        payload: dict[str, Any] = {}
        if body:
            raw = json.loads(body)["payload"]
            payload = json.loads(base64.urlsafe_b64decode(raw + "=" * (-len(raw) % 4)) or b"{}")
        self.asked.append((endpoint, payload))
        self.times.append(self._clock())
        if self.faults.get(endpoint):
            return self.faults[endpoint].pop(0)
        usual = cast(
            Callable[[str, dict[str, Any]], Fault], getattr(self, f"_{endpoint}", _missing)
        )
        return usual(rest, payload)

    def _url(self, *parts: object) -> str:
        return f"https://localhost:{self.port}/" + "/".join(map(str, parts))

    def _directory(self, _: str, __: dict[str, Any]) -> Fault:
        told: dict[str, object] = {"newNonce": self._url("nonce"), "meta": self.meta}
        names = ("newAccount", "newOrder", "revokeCert", "keyChange")
        told |= {name: self._url(name.lower()) for name in names}
        if self.window is not None:
            told["renewalInfo"] = self._url("ari")
        return saying(200, told)

    def _nonce(self, _: str, __: dict[str, Any]) -> Fault:
        return Fault(200)

    def _newaccount(self, _: str, __: dict[str, Any]) -> Fault:
        return saying(201, {"status": "valid"}, location=self._url("account", 1))

    def _neworder(self, _: str, payload: dict[str, Any]) -> Fault:
        self._orders.append(_Order(payload["identifiers"]))
        number = len(self._orders) - 1
        return saying(201, self._told(number), location=self._url("order", number))

    def _order(self, rest: str, _: dict[str, Any]) -> Fault:
        return saying(200, self._told(int(rest)), retry_after="7")

    def _authz(self, rest: str, _: dict[str, Any]) -> Fault:
        number, at = map(int, rest.split("/"))
        order = self._orders[number]
        state = "valid" if at in order.proved else "pending"
        challenge = {
            "type": "http-01",
            "url": self._url("challenge", number, at),
            "token": "a-token",
            "status": state,
        }
        told = {"identifier": order.names[at], "status": state, "challenges": [challenge]}
        return saying(200, told)

    def _challenge(self, rest: str, _: dict[str, Any]) -> Fault:
        number, at = map(int, rest.split("/"))
        self._orders[number].proved.add(at)
        return saying(200, {"type": "http-01", "url": self._url("challenge", number, at)})

    def _finalize(self, rest: str, payload: dict[str, Any]) -> Fault:
        raw = payload["csr"]
        der = base64.urlsafe_b64decode(raw + "=" * (-len(raw) % 4))
        request = x509.load_der_x509_csr(der)
        chain = signing.leaf(
            self.authority.intermediate,
            cast(PublicKey, request.public_key()),
            names=self.certifies or names_of(request),
            role=Role.API,
            now=self._clock(),
            life=self.life,
        )
        self._orders[int(rest)].pem = chain.pem
        return saying(200, self._told(int(rest)))

    def _certificate(self, rest: str, _: dict[str, Any]) -> Fault:
        return Fault(200, self._orders[int(rest)].pem)

    def _ari(self, _: str, __: dict[str, Any]) -> Fault:
        assert self.window is not None
        start, end = (one.isoformat() for one in self.window)
        told = {"suggestedWindow": {"start": start, "end": end}}
        return saying(200, told, retry_after="21600")

    def _revokecert(self, _: str, __: dict[str, Any]) -> Fault:
        return Fault(200)

    def _told(self, number: int) -> dict[str, object]:
        order = self._orders[number]
        state = "pending" if len(order.proved) < len(order.names) else "ready"
        if order.pem:
            state = "processing" if self.lag else "valid"
            self.lag = max(0, self.lag - 1)
        told: dict[str, object] = {
            "status": state,
            "identifiers": order.names,
            "authorizations": [self._url("authz", number, at) for at in range(len(order.names))],
            "finalize": self._url("finalize", number),
        }
        issued = {"certificate": self._url("certificate", number)} if state == "valid" else {}
        return told | issued

    def nonce(self) -> str:
        self._nonces += 1
        return f"nonce-{self._nonces}"


def _missing(_: str, __: dict[str, Any]) -> Fault:
    return problem("malformed", 404)


@asynccontextmanager
async def serving(
    clock: Clock = system_clock, *, life: timedelta = 90 * DAY
) -> AsyncIterator[AcmeServer]:
    """Run a server on a port of the loopback address until left."""
    authority = hierarchy(clock())
    made = AcmeServer(authority, clock, life)
    hanging: list[asyncio.StreamWriter] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, ssl.SSLError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            fields = dict(
                line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line
            )
            body = await reader.readexactly(int(fields.get("content-length", 0)))
            found = made.answer(head.split(" ")[1], body)
            if found.hangs:
                hanging.append(writer)
                return
            none = head.startswith("GET") or (head.startswith("HEAD") and found.body != b"")
            nonce = {} if none else {"replay-nonce": made.nonce()}
            headers = {**nonce, **found.headers, "connection": "close"}
            lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            told = found.body if not head.startswith("HEAD") else b""
            whole = f"HTTP/1.1 {found.status} X\r\n{lines}content-length: {len(told)}\r\n\r\n"
            writer.write((whole.encode() + told)[: found.cut])
            await writer.drain()
        writer.close()

    # Its own certificate is of the real time, whatever the clock says.
    own = hierarchy()
    made.ca = own.root_pem
    context = server_context(own.issue())
    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
    made.port = int(server.sockets[0].getsockname()[1])
    try:
        yield made
    finally:
        server.close()
        for one in hanging:
            one.transport.abort()
