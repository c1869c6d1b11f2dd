"""Questions of a web node to one compute node, all but calls, over HTTP.

What goes wrong comes back as the class the node raised.  A node that does not answer is
`Unreachable`, one that is not who it should be a `TrustFailure`.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass

import httpx2

from hermetic.client.content import Content
from hermetic.client.link import Target
from hermetic.errors import DeadlineExceeded, TrustFailure, Unreachable
from hermetic.wire.problems import from_problem

CONNECT_S = 3.0
QUESTION_S = 5.0
STANDSTILL_S = 300.0
"""How long a body in either direction may stand still."""

Body = bytes | AsyncIterator[bytes]


@dataclass(frozen=True)
class Streamed:
    """An answer that comes piece by piece, and its header fields in lower case."""

    content: Content
    fields: Mapping[str, str]


class Asker:
    """Asks one compute node.

    *context* gives the TLS context; whenever it gives another one, connections made with the one
    before are used no more.  Close it when the node is no longer ours.
    """

    def __init__(self, target: Target, context: Callable[[], ssl.SSLContext | None]) -> None:
        self._target, self._context = target, context
        self._made_with: ssl.SSLContext | None = None
        self._client: httpx2.AsyncClient | None = None

    async def close(self) -> None:
        """Close every connection."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def ask(
        self,
        method: str,
        path: str,
        *,
        content: Body | None = None,
        size: int | None = None,
        within_s: float | None = QUESTION_S,
    ) -> bytes:
        """Ask, and return the body of the answer.

        Args:
            content: What to send; of pieces the *size* should be given, where it is known.
            within_s: How long the whole of it may take; `None` bounds standstills only.

        Raises:
            Unreachable: No connection came about, or it broke off.
            TrustFailure: The node's certificate is not accepted, or ours is not.
            DeadlineExceeded: No answer came in time.
            HermeticError: What the node raised.
        """
        headers = {} if size is None else {"content-length": str(size)}
        timeout = httpx2.Timeout(within_s or STANDSTILL_S, connect=CONNECT_S)
        async with self._translated(method, path):
            client = await self._connected()
            async with asyncio.timeout(within_s):
                answer = await client.request(
                    method, path, content=content, headers=headers, timeout=timeout
                )
        if answer.status_code >= 400:
            raise from_problem(answer.status_code, answer.content)
        return answer.content

    async def stream(self, path: str) -> Streamed:
        """Ask for something large; raises as `ask` does.  Its pieces raise `Unreachable`."""
        async with self._translated("GET", path):
            client = await self._connected()
            request = client.build_request(
                "GET", path, timeout=httpx2.Timeout(STANDSTILL_S, connect=CONNECT_S)
            )
            answer = await client.send(request, stream=True)
            if answer.status_code >= 400:
                body = await answer.aread()
                raise from_problem(answer.status_code, body)
        size = int(answer.headers.get("content-length", "0"))
        pieces = self._pieces(answer, path)
        return Streamed(Content(size, pieces, answer.aclose), dict(answer.headers))

    async def _pieces(self, answer: httpx2.Response, path: str) -> AsyncIterator[bytes]:
        async with self._translated("GET", path):
            async for piece in answer.aiter_raw():
                yield piece

    def _translated(self, method: str, path: str) -> "_Translated":
        target = self._target
        return _Translated(f"{target.host}:{target.port}", f"{method} /{path.split('/')[1]}")

    async def _connected(self) -> httpx2.AsyncClient:
        context = self._context() if self._target.sealed else None
        if self._client is not None and context is self._made_with:
            return self._client
        await self.close()
        scheme = "http" if context is None else "https"
        self._made_with = context
        self._client = httpx2.AsyncClient(
            base_url=f"{scheme}://{self._target.authority.decode()}",
            verify=context or True,
            trust_env=False,
            limits=httpx2.Limits(max_connections=64, keepalive_expiry=60),
        )
        return self._client


class _Translated:
    """Says in our own words what the library raises."""

    def __init__(self, where: str, what: str) -> None:
        self._where, self._what = where, what

    async def __aenter__(self) -> None:
        """Do nothing."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: object
    ) -> None:
        if isinstance(error, httpx2.ConnectTimeout | httpx2.ConnectError):
            raise _unreached(self._where, error) from error
        if isinstance(error, httpx2.TimeoutException | TimeoutError):
            raise DeadlineExceeded(
                f"The compute node {self._where} did not answer {self._what} in time."
            ) from error
        if isinstance(error, httpx2.TransportError | httpx2.StreamError):
            raise Unreachable(
                f"The compute node {self._where} broke off: {error or type(error).__name__}."
            ) from error


def _unreached(where: str, error: Exception) -> Unreachable | TrustFailure:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return TrustFailure(
                f"The certificate of the compute node {where} is not accepted:"
                f" {cause.verify_message or cause}."
            )
        if isinstance(cause, ssl.SSLError):
            return TrustFailure(
                f"No sealed connection to the compute node {where}: {cause.reason or cause}."
            )
        cause = cause.__cause__ or cause.__context__
    return Unreachable(
        f"The compute node {where} does not answer: {error or type(error).__name__}."
    )
