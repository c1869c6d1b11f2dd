"""Our own authority and the replacement of its root, for Owners."""

from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response

from hermetic.gateway.replacing import AuthorityView, Replacing
from hermetic.http.endpoint import Endpoint, json, principal_of, read
from hermetic.http.limits import WireLimits
from hermetic.wire.authority import AuthorityResponse, RetireRequest
from hermetic.wire.openapi import Operation

_TAG, _PATH = "Authority", "/authority"


class AuthorityApi:
    """Answers what is asked about the authority."""

    def __init__(self, replacing: Replacing, limits: WireLimits) -> None:
        self._replacing, self._limits = replacing, limits

    def endpoints(self) -> list[Endpoint]:
        """Return what can be asked."""
        showing = _operation("GET", "", "getAuthority", "Shows our authority.")
        replacing = _operation("POST", "/replace", "replaceRoot", "Makes the next root.")
        retiring = _operation(
            "POST", "/retire", "retireRoot", "Ends the former root.", RetireRequest
        )
        return [
            Endpoint(showing, self._show),
            Endpoint(replacing, self._replace),
            Endpoint(retiring, self._retire),
        ]

    async def _show(self, request: Request) -> Response:
        return json(_told(await self._replacing.view(principal_of(request))))

    async def _replace(self, request: Request) -> Response:
        return json(_told(await self._replacing.prepare(principal_of(request))))

    async def _retire(self, request: Request) -> Response:
        body = await read(request, RetireRequest, most=self._limits.json_bytes)
        view = await self._replacing.retire(principal_of(request), force=body.force)
        return json(_told(view))


def _operation(
    method: str, path: str, name: str, summary: str, takes: type | None = None
) -> Operation:
    return Operation(
        method, _PATH + path, name, summary, _TAG, takes=takes, gives=AuthorityResponse
    )


def _told(view: AuthorityView) -> AuthorityResponse:
    found = view.hierarchy
    return AuthorityResponse(
        state=view.state,
        root=found.root.chain.sha256,
        root_ends=_moment(found.root.chain.not_after),
        root_key_here=found.root.credential is not None,
        intermediate_ends=_moment(found.intermediate.chain.not_after),
        next_root=None if found.next is None else found.next.chain.sha256,
        previous_root=None if found.previous is None else found.previous.chain.sha256,
        waiting_for=[", ".join(one.names) for one in view.waiting_for],
    )


def _moment(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
