"""One question to a web node, for who looks into what is wrong: no retry, and a short patience."""

import asyncio
import ssl
from dataclasses import dataclass

import httpx2

from hermetic.errors import DeadlineExceeded, TrustFailure, Unreachable


@dataclass(frozen=True)
class Observed:
    """The status of an answer, and its body."""

    status: int
    body: bytes


async def observe(
    url: str, context: ssl.SSLContext | None, token: str | None, *, within_s: float
) -> Observed:
    """Return what *url* answers, whatever that is.

    Raises:
        DeadlineExceeded: It did not answer in time.
        TrustFailure: Its certificate is not accepted.
        Unreachable: Anything else that keeps an answer from coming.
    """
    headers = {"authorization": f"Bearer {token}"} if token else {}
    verify: ssl.SSLContext | bool = context if context is not None else False
    try:
        async with (
            asyncio.timeout(within_s),
            httpx2.AsyncClient(verify=verify, trust_env=False, timeout=within_s) as client,
        ):
            answer = await client.get(url, headers=headers)
    except (TimeoutError, httpx2.TimeoutException) as error:
        raise DeadlineExceeded(f"No answer came within {within_s:g} s.") from error
    except httpx2.HTTPError as error:
        cause = error.__context__
        if isinstance(cause, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY" in str(error):
            raise TrustFailure("Its certificate is not accepted.") from error
        raise Unreachable(f"It cannot be asked: {error or type(error).__name__}.") from error
    except OSError as error:  # what the library does not translate: alerts after the handshake
        raise Unreachable(f"It cannot be asked: {error.strerror or error}.") from error
    return Observed(answer.status_code, answer.content)
