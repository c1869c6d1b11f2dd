"""Who sent a request, and how answers and refusals look (RFC 8555, 6)."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from hermetic.errors import CertificateRejected, HermeticError, RefusedByIssuer, TooManyAttempts
from hermetic.gateway.certifying import Certifying, refused
from hermetic.http.endpoint import Handler, read_raw
from hermetic.log import logger
from hermetic.registry.enrolments import Enrolment
from hermetic.web.acme.nonces import Nonces
from hermetic.web.acme.signed import Signed, parsed

ROOT = "/acme"
MOST = 64 * 1024
"""Bytes of a request: a CSR with a hundred names and an RSA key has eight thousand."""
_JOSE = "application/jose+json"
_ERROR = "urn:ietf:params:acme:error:"

log = logger(__name__)


@dataclass(frozen=True)
class Posted:
    """A request that was verified: by an account, or else by the key it shows."""

    signed: Signed
    base: str
    account: Enrolment | None
    own_key: str = ""

    @property
    def holder(self) -> Enrolment:
        """The account, where one is needed."""
        if self.account is None:
            raise refused("malformed", "Name the account as `kid`.", 400)
        return self.account


class Door:
    """Lets in what is signed, addressed to us, and new."""

    def __init__(self, certifying: Certifying, nonces: Nonces) -> None:
        self._certifying, self._nonces = certifying, nonces

    async def posted(self, request: Request) -> Posted:
        """Return who sent *request* and what it says, or refuse it.

        The nonce of who merely shows a key is not spent: anybody can make one, and must not be able
        to fill the database.  `spend` does that, once they have shown more.
        """
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != _JOSE:
            raise refused("malformed", f"Send {_JOSE}.", 415)
        signed = parsed(await read_raw(request, most=MOST))
        base = base_of(request)
        if signed.text("url") != base + request.url.path:
            raise refused("unauthorized", "The request was signed for another address.", 401)
        if ("jwk" in signed.header) == ("kid" in signed.header):
            raise refused("malformed", "Send either `jwk` or `kid`.", 400)
        self._nonces.check(signed.text("nonce"))
        if "kid" not in signed.header:
            return Posted(signed, base, None, signed.own_key())
        account = await self._account(signed.text("kid"), base)
        signed.verify(account.account_key or "")
        await self._nonces.take(signed.text("nonce"))
        return Posted(signed, base, account)

    async def spend(self, posted: Posted) -> None:
        """Refuse *posted*, by a key of its own, if it came before."""
        if posted.account is None:
            await self._nonces.take(posted.signed.text("nonce"))

    async def _account(self, kid: str, base: str) -> Enrolment:
        prefix = f"{base}{ROOT}/account/"
        if not kid.startswith(prefix):
            raise refused("accountDoesNotExist", "There is no such account here.", 400)
        return await self._certifying.account(kid.removeprefix(prefix))

    def answering(self, handler: Callable[[Request], Awaitable[Response]]) -> Handler:
        """Return *handler*, whose answers bring a nonce, and whose refusals are as ACME has them."""

        async def answer(request: Request) -> Response:
            try:
                response = await handler(request)
            except (RefusedByIssuer, TooManyAttempts) as error:
                log.info("acme.refused", code=_code(error), route=request.url.path)
                response = problem(error)
            except CertificateRejected as error:
                response = problem(refused("badCSR", error.text, 400))
            response.headers["replay-nonce"] = self._nonces.new()
            response.headers["link"] = f'<{base_of(request)}{ROOT}/directory>;rel="index"'
            return response

        return answer


def base_of(request: Request) -> str:
    """Return the address under which the client knows us."""
    return f"{request.url.scheme}://{request.url.netloc}"


def said(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return an answer with *value* as JSON."""
    return Response(
        msgspec.json.encode(value), status, media_type="application/json", headers=headers
    )


def problem(error: HermeticError) -> Response:
    """Return a refusal as RFC 8555 (6.7) has it."""
    told = {"type": _ERROR + _code(error), "detail": error.text}
    status = error.answered if isinstance(error, RefusedByIssuer) else error.status
    headers = {}
    if isinstance(error, TooManyAttempts):
        headers["retry-after"] = str(error.retry_after_s)
    body = msgspec.json.encode(told | {"status": status})
    return Response(body, status, media_type="application/problem+json", headers=headers)


def _code(error: HermeticError) -> str:
    return error.code if isinstance(error, RefusedByIssuer) else "rateLimited"
