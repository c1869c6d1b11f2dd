"""Orders, and the certificates that come of them (RFC 8555, 7.4 to 7.6; RFC 9773)."""

from datetime import UTC, datetime
from typing import Any

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from jwt.utils import base64url_decode
from starlette.requests import Request
from starlette.responses import Response

from hermetic.certificates.names import PresentedName
from hermetic.errors import CertificateRejected
from hermetic.gateway.certifying import Certifying, refused
from hermetic.http.endpoint import Endpoint
from hermetic.issuers.acme.answered import certificate_id
from hermetic.issuers.acme.messages import Identifier
from hermetic.registry.orders import Certified, Order
from hermetic.web.acme.door import ROOT, Door, Posted, said
from hermetic.web.acme.signed import ALGORITHMS, canonical_of
from hermetic.web.acme.table import open_operation, signed_operation

_CHAIN = "application/pem-certificate-chain"
_ASK_AGAIN_S = 300
"""How often a client is to ask whether to renew: what is revoked is replaced within that."""


class OrdersApi:
    """Answers what is asked about orders and certificates."""

    def __init__(self, certifying: Certifying, door: Door) -> None:
        self._certifying, self._door = certifying, door

    def endpoints(self) -> list[Endpoint]:
        """Return what can be asked."""
        table = (
            ("new-order", "newAcmeOrder", "Orders a certificate.", self._new),
            ("order/{order}", "acmeOrder", "Shows an order.", self._order),
            ("authz/{order}/{number}", "acmeAuthorization", "Shows a name.", self._authz),
            ("finalize/{order}", "finalizeAcmeOrder", "Certifies a key.", self._finalize),
            ("revoke-cert", "revokeAcmeCertificate", "Revokes a certificate.", self._revoke),
        )
        made = [
            Endpoint(signed_operation(path, name, summary), self._door.answering(handler))
            for path, name, summary, handler in table
        ]
        chain = signed_operation(
            "certificate/{serial}", "acmeCertificate", "Gives a certificate.", _CHAIN
        )
        info = open_operation(
            "renewal-info/{certificate}", "acmeRenewalInfo", "Says when to renew a certificate."
        )
        return [
            *made,
            Endpoint(chain, self._door.answering(self._certificate)),
            Endpoint(info, self._door.answering(self._renewal_info)),
        ]

    async def _new(self, request: Request) -> Response:
        posted = await self._door.posted(request)
        wanted = posted.signed.members()
        if wanted.get("notBefore") or wanted.get("notAfter"):
            raise refused("malformed", "Leave notBefore and notAfter to us.", 400)
        replaces = wanted.get("replaces") or ""
        order = await self._certifying.order(
            posted.holder,
            _names(wanted),
            profile=str(wanted.get("profile") or ""),
            replaces=await self._serial(str(replaces)) if replaces else "",
        )
        return self._shown(posted, order, 201)

    async def _order(self, request: Request) -> Response:
        posted = await self._door.posted(request)
        return self._shown(posted, await self._found(posted, request))

    async def _authz(self, request: Request) -> Response:
        posted = await self._door.posted(request)
        order = await self._found(posted, request)
        number = request.path_params["number"]
        if not number.isdecimal() or int(number[:4]) >= len(order.names):
            raise refused("malformed", "There is no such name in the order.", 404)
        name = order.names[int(number[:4])]
        told: dict[str, object] = {
            "status": "valid",
            "expires": _moment(order.expires_at),
            "identifier": _identifier(name.removeprefix("*.")),
            "challenges": [],
        }
        return said(told | ({"wildcard": True} if name.startswith("*.") else {}))

    async def _finalize(self, request: Request) -> Response:
        posted = await self._door.posted(request)
        order = await self._found(posted, request)
        csr = _request(posted.signed.members())
        if any(
            canonical_of(csr.public_key(), one) == posted.holder.account_key for one in ALGORITHMS
        ):
            raise refused("badCSR", "That is the key of the account: make another.", 400)
        return self._shown(posted, await self._certifying.finalize(posted.holder, order, csr))

    async def _certificate(self, request: Request) -> Response:
        posted = await self._door.posted(request)
        pem = await self._certifying.chain(posted.holder, request.path_params["serial"])
        return Response(pem, media_type=_CHAIN)

    async def _revoke(self, request: Request) -> Response:
        posted = await self._door.posted(request)
        wanted = posted.signed.members()
        leaf = _certificate(wanted)
        found = await self._certifying.certified(leaf.serial_number)
        if found is None or not _is(found, leaf):
            raise refused("malformed", "That certificate was not ordered here.", 404)
        by_key = posted.own_key == canonical_of(leaf.public_key(), posted.signed.algorithm)
        if not by_key and (posted.account is None or posted.account.id != found.enrolment):
            raise refused("unauthorized", "That certificate is somebody else's.")
        await self._door.spend(posted)
        reason = wanted.get("reason", 0)
        by = "its key" if posted.account is None else f"enrolment {posted.account.id}"
        await self._certifying.revoke(found, reason if isinstance(reason, int) else -1, by=by)
        return Response(b"")

    async def _renewal_info(self, request: Request) -> Response:
        found = await self._named(request.path_params["certificate"])
        window = await self._certifying.window(found)
        told = {"start": _moment(window.start), "end": _moment(window.end)}
        return said({"suggestedWindow": told}, headers={"retry-after": str(_ASK_AGAIN_S)})

    async def _serial(self, replaces: str) -> str:
        return (await self._named(replaces)).serial

    async def _named(self, certificate: str) -> Certified:
        """Return the certificate that RFC 9773 (4.1) names so."""
        unknown = refused("malformed", "There is no such certificate.", 404)
        try:
            serial = int.from_bytes(base64url_decode(certificate.rpartition(".")[2]), "big")
        except ValueError as error:
            raise unknown from error
        found = await self._certifying.certified(serial)
        if found is None:
            raise unknown
        leaf = x509.load_pem_x509_certificate(found.chain.encode())
        if certificate_id(leaf) != certificate:
            raise unknown
        return found

    async def _found(self, posted: Posted, request: Request) -> Order:
        return await self._certifying.find(posted.holder, request.path_params["order"])

    def _shown(self, posted: Posted, order: Order, status: int = 200) -> Response:
        at = f"{posted.base}{ROOT}"
        told: dict[str, object] = {
            "status": "ready" if order.serial is None else "valid",
            "expires": _moment(order.expires_at),
            "identifiers": [_identifier(name) for name in order.names],
            "authorizations": [f"{at}/authz/{order.id}/{n}" for n in range(len(order.names))],
            "finalize": f"{at}/finalize/{order.id}",
            "profile": order.role,
        }
        if order.serial is not None:
            told["certificate"] = f"{at}/certificate/{order.serial}"
        return said(told, status, {"location": f"{at}/order/{order.id}"})


def _names(wanted: dict[str, Any]) -> list[str]:
    try:
        found = msgspec.convert(wanted.get("identifiers"), list[Identifier])
    except msgspec.ValidationError as error:
        raise refused("malformed", "`identifiers` are objects of type and value.", 400) from error
    for one in found:
        try:
            kind = "dns" if PresentedName.parse(one.value).address is None else "ip"
        except CertificateRejected as error:
            raise refused("rejectedIdentifier", error.text) from error
        if one.type != kind:
            raise refused("unsupportedIdentifier", "Identifiers are of type dns or ip.", 400)
    return [one.value for one in found]


def _request(wanted: dict[str, Any]) -> x509.CertificateSigningRequest:
    try:
        return x509.load_der_x509_csr(base64url_decode(str(wanted.get("csr", ""))))
    except ValueError as error:
        raise refused("badCSR", "`csr` is no PKCS#10 request in base64url.", 400) from error


def _certificate(wanted: dict[str, Any]) -> x509.Certificate:
    try:
        return x509.load_der_x509_certificate(base64url_decode(str(wanted.get("certificate", ""))))
    except ValueError as error:
        raise refused("malformed", "`certificate` is none in base64url.", 400) from error


def _is(found: Certified, leaf: x509.Certificate) -> bool:
    ours = x509.load_pem_x509_certificate(found.chain.encode())
    return ours.public_bytes(Encoding.DER) == leaf.public_bytes(Encoding.DER)


def _identifier(name: str) -> dict[str, str]:
    kind = "dns" if PresentedName.parse(name).address is None else "ip"
    return {"type": kind, "value": name}


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
