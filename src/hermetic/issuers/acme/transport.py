"""How requests reach an ACME server: signed, with a fresh nonce, and with patience.

A nonce that is refused, an answer that does not come and a server in trouble are tried again, a
bounded number of times.  A server that asks for patience is not asked before.
"""

import asyncio
import json
import random
import ssl
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import httpx2

from hermetic.certificates.keys import PrivateKey
from hermetic.clock import Clock
from hermetic.errors import BadInput, RefusedByIssuer, TooManyAttempts, TrustFailure, Unreachable
from hermetic.issuers.acme.jose import signed
from hermetic.issuers.acme.messages import Directory, Trouble, said
from hermetic.issuers.acme.order import Reply, refused

_NONCE_TRIES = 100
"""With nine of ten nonces refused, one request in 40 000 is given up."""
_NONCES_AT_ONCE = 5
"""So many refusals are bad luck; after them a server in trouble is left some time."""
_TRIES = 4
_ANSWERS_WITHIN_S = 20.0
_LONGEST = 1 << 20
_PATIENCE_S = 3600
"""What is waited where a server asks for patience and does not say how much."""
_MOST_PATIENCE = timedelta(days=8)

_AGENT = "Hermetic (ACME client; RFC 8555, 9773)"


class Transport:
    """Speaks to one ACME server; use it in `async with`.

    Args:
        directory: The address of the server's directory, https.
        context: Whom to believe there.
        not_before: When the server may be asked again, as it said to a former run.
    """

    def __init__(
        self,
        directory: str,
        context: ssl.SSLContext,
        clock: Clock,
        *,
        not_before: datetime | None = None,
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
        luck: Callable[[], float] = random.random,
    ) -> None:
        if urlsplit(directory).scheme != "https":
            raise BadInput(f"{directory[:200]!r} is no https:// address of an ACME directory.")
        self._directory, self._clock = directory, clock
        self.not_before = not_before
        """When the server may be asked again."""
        self._pause, self._luck = pause, luck
        self._nonces: list[str] = []
        self._known: Directory | None = None
        self._client = httpx2.AsyncClient(
            verify=context,
            trust_env=False,
            timeout=_ANSWERS_WITHIN_S,
            headers={"user-agent": _AGENT},
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def directory(self) -> Directory:
        """Return where everything is; asked once.

        Raises:
            TooManyAttempts: The server asked for patience, which is not over.
            TrustFailure: Its certificate is not believed.
            Unreachable: It does not answer, or not as an ACME server does.
        """
        if self._known is None:
            reply = await self.get(self._directory)
            self._known = said(reply.body, Directory)
        return self._known

    async def get(self, url: str) -> Reply:
        """Return what is at *url*, which asks for no signature; raises as `directory`, and `RefusedByIssuer`."""
        return await self._tried(lambda: self._answered("GET", url, None))

    async def post(
        self, url: str, payload: Mapping[str, object] | None, key: PrivateKey, kid: str = ""
    ) -> Reply:
        """Ask *url*, signed by *key*; without a payload it is a POST-as-GET.

        Raises:
            RefusedByIssuer: The server refuses it.
            TooManyAttempts: It asks for patience; it is not asked again before.
            TrustFailure, Unreachable: As for the directory.
        """
        body = b"" if payload is None else json.dumps(payload).encode()
        return await self._tried(lambda: self._posted(url, body, key, kid))

    async def _posted(self, url: str, body: bytes, key: PrivateKey, kid: str) -> Reply:
        for count in range(_NONCE_TRIES):
            nonce = await self._nonce()
            request = signed(body, key, url=url, nonce=nonce, kid=kid)
            try:
                return await self._answered("POST", url, request)
            except RefusedByIssuer as error:
                if error.code != "badNonce":
                    raise
            if count >= _NONCES_AT_ONCE:
                await self._pause(0.1 * self._luck())
        raise Unreachable(f"The ACME server refused {_NONCE_TRIES} nonces of its own, one by one.")

    async def _nonce(self) -> str:
        if not self._nonces:
            await self._answered("HEAD", (await self.directory()).new_nonce, None)
        if not self._nonces:
            raise Unreachable("The ACME server gives no nonce (RFC 8555, 7.2).")
        return self._nonces.pop()

    async def _tried(self, ask: Callable[[], Awaitable[Reply]]) -> Reply:
        """Ask until there is an answer, a bounded number of times, each time anew."""
        for count in range(1, _TRIES):
            try:
                return await ask()
            except Unreachable:
                await self._pause(2 ** (count - 1) * (0.5 + self._luck() / 2))
        return await ask()

    async def _answered(self, method: str, url: str, content: bytes | None) -> Reply:
        """Ask once; a server that is in trouble counts as one that cannot be reached."""
        self._be_patient()
        _refuse_plain(url)
        answer, body = await self._sent(method, url, content)
        if answer.is_success:
            return self._reply(answer, body)
        trouble = _told(answer, body)
        in_trouble = answer.status_code >= httpx2.codes.INTERNAL_SERVER_ERROR
        limited = answer.status_code == httpx2.codes.TOO_MANY_REQUESTS
        if (
            limited
            or trouble.code == "rateLimited"
            or (in_trouble and "retry-after" in answer.headers)
        ):
            raise self._asked_for_patience(answer, trouble)
        if in_trouble:
            raise Unreachable(f"The ACME server is in trouble: {trouble.text}.")
        raise refused(answer.status_code, trouble)

    def _reply(self, answer: httpx2.Response, body: bytes) -> Reply:
        links = [
            part.split(">")[0].strip(" <")
            for part in answer.headers.get_list("link", split_commas=True)
            if 'rel="alternate"' in part.replace(" ", "")
        ]
        wait = self._retry_after_s(answer) or 0.0
        location = answer.headers.get("location", "")
        return Reply(answer.status_code, body, location, tuple(links), wait)

    async def _sent(
        self, method: str, url: str, content: bytes | None
    ) -> tuple[httpx2.Response, bytes]:
        headers = {"content-type": "application/jose+json"} if content is not None else {}
        body = bytearray()
        try:
            async with (
                asyncio.timeout(_ANSWERS_WITHIN_S),
                self._client.stream(method, url, content=content, headers=headers) as answer,
            ):
                async for part in answer.aiter_bytes():
                    body += part
                    if len(body) > _LONGEST:
                        raise Unreachable("The ACME server answers with more than a megabyte.")
        except (TimeoutError, httpx2.TimeoutException) as error:
            raise Unreachable(
                f"The ACME server did not answer within {_ANSWERS_WITHIN_S:g} s."
            ) from error
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            if isinstance(error.__context__, ssl.SSLCertVerificationError) or (
                "CERTIFICATE_VERIFY" in str(error)
            ):
                raise TrustFailure(
                    f"The certificate of the ACME server {urlsplit(url).netloc} is not believed:"
                    " name its authority with --ca (Certificates.Acme.Ca in the settings)."
                ) from error
            raise Unreachable(
                f"The ACME server {urlsplit(url).netloc} cannot be asked:"
                f" {error or type(error).__name__}."
            ) from error
        if nonce := answer.headers.get("replay-nonce"):
            self._nonces.append(nonce)
        return answer, bytes(body)

    def _be_patient(self) -> None:
        now = self._clock()
        if self.not_before is None:
            return
        left = self.not_before - now
        # More than was ever agreed to: the clock was set back, and must not make us wait for ever.
        if not timedelta() < left <= _MOST_PATIENCE:
            return
        raise TooManyAttempts(
            f"The ACME server asked not to be asked before {self.not_before:%Y-%m-%d %H:%M:%S}"
            " UTC.",
            max(1, round(left.total_seconds())),
        )

    def _asked_for_patience(self, answer: httpx2.Response, trouble: Trouble) -> TooManyAttempts:
        asked = self._retry_after_s(answer)
        wait = timedelta(seconds=_PATIENCE_S if asked is None else asked)
        wait = min(max(wait, timedelta(seconds=1)), _MOST_PATIENCE)
        self.not_before = self._clock() + wait
        return TooManyAttempts(
            f"The ACME server asks for patience: {trouble.text}.",
            round(wait.total_seconds()),
        )

    def _retry_after_s(self, answer: httpx2.Response) -> float | None:
        """Return how long it asks to wait, in seconds or until a date (RFC 9110, 10.2.3)."""
        text = answer.headers.get("retry-after", "").strip()
        if text.isascii() and text.isdecimal():
            return float(text[:9])
        try:
            until = parsedate_to_datetime(text)
        except (ValueError, OverflowError):
            return None
        if until.tzinfo is None:
            until = until.replace(tzinfo=UTC)
        return max(0.0, (until - self._clock()).total_seconds())


def _refuse_plain(url: str) -> None:
    if urlsplit(url).scheme != "https":
        raise Unreachable(f"The ACME server names an address that is not https: {url[:200]!r}.")


def _told(answer: httpx2.Response, body: bytes) -> Trouble:
    try:
        return said(body, Trouble)
    except Unreachable:
        return Trouble(detail=f"HTTP {answer.status_code}", type="no-problem-document")
