"""The node's own certificates, for its Owners."""

from datetime import datetime

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from hermetic.gateway.certification import CertificateView, Certification
from hermetic.http.endpoint import Endpoint, json, principal_of
from hermetic.wire.messages import CertificateListing
from hermetic.wire.openapi import Operation

_TAG = "Certificates"


class CertificatesApi:
    """Answers what is asked about certificates."""

    def __init__(self, certification: Certification) -> None:
        self._certification = certification

    def endpoints(self) -> list[Endpoint]:
        """Return what can be asked."""
        listing = Operation(
            "GET",
            "/certificates",
            "listCertificates",
            "Lists the node's certificates.",
            _TAG,
            gives=list[CertificateListing],
        )
        renewing = Operation(
            "POST",
            "/certificates/{entry}/renew",
            "renewCertificate",
            "Renews a certificate and serves it at once.",
            _TAG,
            gives=CertificateListing,
        )
        return [Endpoint(listing, self._list), Endpoint(renewing, self._renew)]

    async def _list(self, request: Request) -> Response:
        views = await self._certification.certificates(principal_of(request))
        return json([listing_of(view) for view in views])

    async def _renew(self, request: Request) -> Response:
        entry = request.path_params["entry"]
        return json(listing_of(await self._certification.renew(principal_of(request), entry)))


def listing_of(view: CertificateView) -> CertificateListing:
    """Return *view* as it looks on the wire; `hermetic certificate` shows a store so, too."""
    chain, kept = view.chain, view.kept
    listing = CertificateListing(
        entry=view.entry,
        role=kept.role,
        source=kept.source,
        names=list(kept.names),
        next_renewal=None if view.next_at is None else _moment(view.next_at),
        last_error=view.last_error,
        doing=view.doing or None,
    )
    if chain is None:
        return listing
    return msgspec.structs.replace(
        listing,
        names=list(chain.names),
        subject=chain.subject,
        issuer=chain.leaf.issuer.rfc4514_string(),
        serial=f"{chain.serial:x}",
        sha256=chain.sha256,
        not_before=_moment(chain.not_before),
        not_after=_moment(chain.not_after),
    )


def _moment(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
