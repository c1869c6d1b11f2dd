"""What a web node asks of one compute node beside calls: place, try out, probe, tell.

Calls go through `client.link`.  What goes wrong comes back as the class the node raised; a node
that does not answer is `Unreachable`, one that is not who it should be `TrustFailure`.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import httpx2

from hermetic.client.execution import Loaded
from hermetic.client.link import Target
from hermetic.errors import DeadlineExceeded, TrustFailure, Unreachable
from hermetic.wire.messages import CheckResponse, Status, decode
from hermetic.wire.problems import from_problem

T = TypeVar("T")

_PIECE = 1 << 20
_CONNECT_S = 3.0
_QUESTION_S = 5.0
# Unpacking a bundle of gigabytes takes its time.
_PLACE_S = 300.0


class ComputeClient:
    """Speaks with one compute node.

    *context* gives the TLS context; whenever it gives another one, connections made with the
    one before are used no more.  Close it when the node is no longer ours.
    """

    def __init__(
        self,
        target: Target,
        context: Callable[[], ssl.SSLContext | None],
        *,
        load_s: float = 130.0,
    ) -> None:
        self._target, self._context, self._load_s = target, context, load_s
        self._made_with: ssl.SSLContext | None = None
        self._client: httpx2.AsyncClient | None = None

    async def __aenter__(self) -> Self:
        """Return itself; nothing is connected yet."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close every connection."""
        await self.close()

    async def close(self) -> None:
        """Close every connection."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def place(self, digest: str, document: bytes) -> None:
        """Make a service callable there.

        Raises:
            BundleMissing: Its bundle has to be sent first.
        """
        await self._ask("PUT", f"/placements/{digest}", content=document, within_s=_PLACE_S)

    async def withdraw(self, digest: str) -> None:
        """Let the node forget a service; one that it does not know is no error."""
        await self._ask("DELETE", f"/placements/{digest}")

    async def check(self, digest: str, document: bytes) -> Loaded:
        """Load a service there once; raises what `Execution.check` does, or `BundleMissing`."""
        path = f"/placements/{digest}/check"
        answer = await self._ask("POST", path, content=document, within_s=self._load_s)
        return Loaded(decode(answer, CheckResponse).console_output)

    async def keep(self, digest: str, archive: Path) -> None:
        """Send the bundle that lies at *archive*."""
        size = str((await asyncio.to_thread(archive.stat)).st_size)
        await self._ask(
            "PUT",
            f"/bundles/{digest}",
            content=_pieces(archive),
            headers={"content-length": size},
            within_s=None,
        )

    async def probe(self) -> None:
        """Let the node ask a worker of its own a question; raises `Unavailable` if none answers."""
        await self._ask("POST", "/probe")

    async def status(self) -> Status:
        """Return what the node says of itself."""
        return decode(await self._ask("GET", "/status"), Status)

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        content: bytes | AsyncIterator[bytes] | None = None,
        headers: dict[str, str] | None = None,
        within_s: float | None = _QUESTION_S,
    ) -> bytes:
        where = f"{self._target.host}:{self._target.port}"
        # A body that goes on is no hang: only a standstill is.
        timeout = httpx2.Timeout(within_s or _PLACE_S, connect=_CONNECT_S)
        try:
            client = await self._connected()
            async with asyncio.timeout(within_s):
                answer = await client.request(
                    method, path, content=content, headers=headers, timeout=timeout
                )
        except (httpx2.ConnectTimeout, httpx2.ConnectError) as error:
            raise _unreached(where, error) from error
        except (httpx2.TimeoutException, TimeoutError) as error:
            raise DeadlineExceeded(
                f"The compute node {where} did not answer {method} {path.split('/')[1]} in time."
            ) from error
        except httpx2.TransportError as error:
            raise Unreachable(f"The compute node {where} broke off: {error}.") from error
        if answer.status_code >= 400:
            raise from_problem(answer.status_code, answer.content)
        return answer.content

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
            limits=httpx2.Limits(max_connections=8, keepalive_expiry=60),
        )
        return self._client


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


async def _pieces(archive: Path) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(archive.open, "rb") as file:
        while piece := await asyncio.to_thread(file.read, _PIECE):
            yield piece
