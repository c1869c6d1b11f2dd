"""Questions of a web node to one compute node, all but calls, over HTTP.

What goes wrong comes back as the class the node raised.  A node that does not answer is
`Unreachable`, one that is not who it should be a `TrustFailure`.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

import httpx2

from hermetic.client.content import Content
from hermetic.client.link import Target
from hermetic.errors import (
    DeadlineExceeded,
    HermeticError,
    NotPermitted,
    TrustFailure,
    Unreachable,
)
from hermetic.wire.problems import from_problem

CONNECT_S = 3.0
QUESTION_S = 5.0
STANDSTILL_S = 300.0
"""How long a body in either direction may stand still."""

# What the library is given in plain HTTP, which uses none: left to itself it would read all the
# authorities of the system for each node, in 40 ms during which nothing else happens.
_TRUSTING_NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

Body = bytes | AsyncIterator[bytes]


@dataclass(frozen=True)
class Streamed:
    """An answer that comes piece by piece, and its header fields in lower case."""

    content: Content
    fields: Mapping[str, str]


class _Connected:
    """A client made with one TLS context, closed when it is retired and nobody uses it."""

    def __init__(self, client: httpx2.AsyncClient, context: ssl.SSLContext | None) -> None:
        self.client, self.context = client, context
        self._users, self._retired = 0, False

    async def __aenter__(self) -> httpx2.AsyncClient:
        self._users += 1
        return self.client

    async def __aexit__(self, *raised: object) -> None:
        self._users -= 1
        if self.is_done:
            await self.client.aclose()

    @property
    def is_done(self) -> bool:
        """Whether it was retired, and nobody uses it any more."""
        return self._retired and not self._users

    async def retire(self) -> None:
        """Close it as soon as nobody uses it."""
        self._retired = True
        if self.is_done:
            await self.client.aclose()


class Asker:
    """Asks one compute node.

    *context* gives the TLS context; whenever it gives another one, connections made with the one
    before finish what they were begun for, and are used no more.  Close it when the node is no
    longer ours.
    """

    def __init__(self, target: Target, context: Callable[[], ssl.SSLContext | None]) -> None:
        self._target, self._context = target, context
        self._connected: _Connected | None = None
        self._open: set[_Connected] = set()

    async def close(self) -> None:
        """Close every connection, whatever it is used for."""
        self._connected, connected = None, list(self._open)
        self._open.clear()
        for one in connected:
            await one.client.aclose()

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
            Unreachable: No connection came about, or it broke off, or is no HTTP.
            TrustFailure: The node's certificate is not accepted, or ours is not.
            DeadlineExceeded: No answer came in time.
            HermeticError: What the node raised.
        """
        headers = {} if size is None else {"content-length": str(size)}
        timeout = httpx2.Timeout(within_s or STANDSTILL_S, connect=CONNECT_S)
        async with self._translated(method, path), await self._newest() as client:
            async with asyncio.timeout(within_s):
                answer = await client.request(
                    method, path, content=content, headers=headers, timeout=timeout
                )
        if answer.status_code >= 400:
            raise self._raised(answer.status_code, answer.content)
        return answer.content

    async def stream(self, path: str) -> Streamed:
        """Ask for something large; raises as `ask` does.  Its pieces raise `Unreachable`."""
        async with AsyncExitStack() as stack:
            async with self._translated("GET", path):
                client = await stack.enter_async_context(await self._newest())
                request = client.build_request(
                    "GET", path, timeout=httpx2.Timeout(STANDSTILL_S, connect=CONNECT_S)
                )
                answer = await client.send(request, stream=True)
                stack.push_async_callback(answer.aclose)
                if answer.status_code >= 400:
                    raise self._raised(answer.status_code, await answer.aread())
            size = int(answer.headers.get("content-length", "0"))
            # From here on whoever has the content lets go of it.
            release = stack.pop_all().aclose
        content = Content(size, self._pieces(answer, path), release)
        return Streamed(content, dict(answer.headers))

    async def _pieces(self, answer: httpx2.Response, path: str) -> AsyncIterator[bytes]:
        async with self._translated("GET", path):
            async for piece in answer.aiter_raw():
                yield piece

    @property
    def _where(self) -> str:
        return f"{self._target.host}:{self._target.port}"

    def _translated(self, method: str, path: str) -> "_Translated":
        return _Translated(self._where, f"{method} /{path.split('/')[1]}")

    def _raised(self, status: int, body: bytes) -> HermeticError:
        error = from_problem(status, body)
        if isinstance(error, NotPermitted):
            # It knows nobody but web nodes: whom it turns away is us, and not our caller.
            return TrustFailure(f"The compute node {self._where} turns us away: {error.text}")
        return error

    async def _newest(self) -> _Connected:
        """Return a client made with the context that is given now."""
        while True:
            context = self._context() if self._target.sealed else None
            before = self._connected
            if before is not None and context is before.context:
                return before
            newest = self._connected = _Connected(self._client(context), context)
            self._open = {newest, *(one for one in self._open if not one.is_done)}
            if before is not None:
                # Looked at again: while this waits, the new one may be retired, too.
                await before.retire()

    def _client(self, context: ssl.SSLContext | None) -> httpx2.AsyncClient:
        scheme = "http" if context is None else "https"
        return httpx2.AsyncClient(
            base_url=f"{scheme}://{self._target.authority.decode()}",
            verify=context or _TRUSTING_NOBODY,
            trust_env=False,
            limits=httpx2.Limits(max_connections=64, keepalive_expiry=60),
        )


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
        if isinstance(error, ssl.SSLError):
            # In TLS 1.3 a client is through before the server has looked at its certificate.
            raise TrustFailure(
                f"The compute node {self._where} refuses the sealed connection"
                f" ({error.reason or error}): its log says why; mostly it does not trust the"
                " certificate that we show."
            ) from error
        if isinstance(error, httpx2.HTTPError | httpx2.StreamError):
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
