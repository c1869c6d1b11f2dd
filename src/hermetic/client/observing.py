"""One question to a web node, for who looks into what is wrong: no retry, and a short patience."""

import asyncio
import ssl
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from time import time

import httpx2

from hermetic.errors import DeadlineExceeded, TrustFailure, Unreachable

_LONGEST = 4 << 20
"""Bytes of an answer; what tells more is no node of ours."""


@dataclass(frozen=True)
class Observed:
    """The status of an answer, its body, and what its date tells of clocks."""

    status: int
    body: bytes
    ahead_s: float = 0.0
    """How far its clock is ahead of ours, to the second; 0 if it does not tell."""


async def observe(
    url: str, context: ssl.SSLContext, token: str | None, *, within_s: float
) -> Observed:
    """Return what *url* answers, whatever that is.

    Raises:
        DeadlineExceeded: It did not answer in time.
        TrustFailure: Its certificate is not accepted.
        Unreachable: Anything else that keeps an answer from coming, or its being too long.
    """
    headers = {"authorization": f"Bearer {token}"} if token else {}
    try:
        async with (
            asyncio.timeout(within_s),
            httpx2.AsyncClient(verify=context, trust_env=False, timeout=within_s) as client,
            client.stream("GET", url, headers=headers) as answer,
        ):
            body = await _body(answer)
    except (TimeoutError, httpx2.TimeoutException) as error:
        raise DeadlineExceeded(f"No answer came within {within_s:g} s.") from error
    except httpx2.HTTPError as error:
        cause = error.__context__
        if isinstance(cause, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY" in str(error):
            raise TrustFailure("Its certificate is not accepted.") from error
        raise Unreachable(f"It cannot be asked: {error or type(error).__name__}.") from error
    except OSError as error:  # what the library does not translate: alerts after the handshake
        raise Unreachable(f"It cannot be asked: {error.strerror or error}.") from error
    return Observed(answer.status_code, body, _ahead(answer.headers.get("date", "")))


async def _body(answer: httpx2.Response) -> bytes:
    """Return what was answered, up to a length."""
    body = bytearray()
    async for part in answer.aiter_bytes():
        body += part
        if len(body) > _LONGEST:
            raise Unreachable(f"It answers with more than {_LONGEST >> 20} MB.")
    return bytes(body)


def _ahead(date: str) -> float:
    try:
        told = parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError):
        return 0.0
    # The field has whole seconds: half a second is the best guess of the rest.
    return told + 0.5 - time()
