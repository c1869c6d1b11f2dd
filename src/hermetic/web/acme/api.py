"""The whole of our ACME server: its directory, nonces, and whom to trust."""

from dataclasses import dataclass

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from hermetic.gateway.certifying import Certifying, profiles, refused
from hermetic.gateway.joining import Joining
from hermetic.gateway.replacing import Replacing
from hermetic.gateway.trusted import Trusted
from hermetic.http.endpoint import Endpoint
from hermetic.web.acme.accounts import AccountsApi
from hermetic.web.acme.door import ROOT, Door, base_of, said
from hermetic.web.acme.nonces import Nonces
from hermetic.web.acme.orders import OrdersApi
from hermetic.web.acme.table import open_operation, signed_operation

_PEM, _LIST = "application/x-pem-file", "application/pkix-crl"
_RESOURCES = {
    "newNonce": "new-nonce",
    "newAccount": "new-account",
    "newOrder": "new-order",
    "revokeCert": "revoke-cert",
    "keyChange": "key-change",
    "renewalInfo": "renewal-info",
    # Ours: what an enrolled node asks each minute.
    "trust": "trust",
}
_MOST_HELD = 32


@dataclass(frozen=True)
class Acme:
    """Our authority, as its API is given it."""

    certifying: Certifying
    nonces: Nonces
    trusted: Trusted
    joining: Joining
    replacing: Replacing


class AcmeApi:
    """Answers ACME clients, and nodes that enrol."""

    def __init__(self, acme: Acme) -> None:
        self._trusted, self._certifying = acme.trusted, acme.certifying
        self._door = Door(acme.certifying, acme.nonces)
        self._parts = (
            AccountsApi(acme.certifying, self._door),
            OrdersApi(acme.certifying, self._door),
        )

    def endpoints(self) -> list[Endpoint]:
        """Return what can be asked."""
        table = (
            (open_operation("directory", "acmeDirectory", "Says where all is."), self._directory),
            (open_operation("new-nonce", "acmeNonce", "Gives a nonce."), self._nonce),
            (open_operation("roots", "acmeRoots", "Gives the roots to trust.", _PEM), self._roots),
            (
                open_operation(
                    "revoked/{issuer}", "acmeRevoked", "Gives a revocation list.", _LIST
                ),
                self._revoked,
            ),
            (
                signed_operation("trust", "acmeTrust", "Tells an account whom to trust."),
                self._trust,
            ),
        )
        own = [Endpoint(one, self._door.answering(handler)) for one, handler in table]
        return [*own, *(one for part in self._parts for one in part.endpoints())]

    async def _directory(self, request: Request) -> Response:
        at = base_of(request) + ROOT
        told: dict[str, object] = {name: f"{at}/{path}" for name, path in _RESOURCES.items()}
        told["meta"] = {"externalAccountRequired": True, "profiles": profiles()}
        return said(told)

    async def _nonce(self, request: Request) -> Response:
        return Response(status_code=200 if request.method == "HEAD" else 204)

    async def _roots(self, request: Request) -> Response:
        pem = "".join(await self._trusted.roots())
        return Response(pem, media_type=_PEM)

    async def _revoked(self, request: Request) -> Response:
        issuer = request.path_params["issuer"].removesuffix(".crl")
        found = (await self._trusted.lists()).get(issuer)
        if found is None:
            raise refused("malformed", "There is no such revocation list.", 404)
        return Response(found, media_type=_LIST)

    async def _trust(self, request: Request) -> Response:
        posted = await self._door.posted(request)
        held = posted.signed.members().get("holds", [])
        try:
            holds = msgspec.convert(held, list[str])[:_MOST_HELD]
        except msgspec.ValidationError as error:
            raise refused("malformed", "`holds` is a list of SHA-256.", 400) from error
        known = await self._trusted.fingerprints()
        # What we do not know is nothing to us, and must not fill the database.
        await self._certifying.note_trust(posted.holder, [one for one in holds if one in known])
        account = {"names": posted.holder.names, "profiles": posted.holder.roles}
        return said({**await self._trusted.told(), **account})
