"""Tokens by which nodes and others come to certificates of our authority, for Owners."""

from datetime import datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response

from hermetic.clock import Clock
from hermetic.gateway.joining import Joining
from hermetic.http.endpoint import Endpoint, json, principal_of, read
from hermetic.http.limits import WireLimits
from hermetic.registry.enrolments import Enrolment
from hermetic.wire.authority import EnrolmentListing, ExpelResponse, TokenRequest, TokenResponse
from hermetic.wire.openapi import Operation

_TAG, _PATH = "Enrolments", "/enrolments"


class EnrolmentsApi:
    """Answers what is asked about tokens."""

    def __init__(self, joining: Joining, limits: WireLimits, clock: Clock) -> None:
        self._joining, self._limits, self._clock = joining, limits, clock

    def endpoints(self) -> list[Endpoint]:
        """Return what can be asked."""
        giving = Operation(
            "POST",
            _PATH,
            "giveToken",
            "Gives a token, by which somebody comes to certificates.",
            _TAG,
            takes=TokenRequest,
            gives=TokenResponse,
            status=201,
        )
        listing = Operation(
            "GET",
            _PATH,
            "getEnrolments",
            "Lists tokens and what became of them.",
            _TAG,
            gives=list[EnrolmentListing],
        )
        ending = Operation(
            "DELETE",
            _PATH + "/{enrolment}",
            "endEnrolment",
            "Takes a token back, or ends its account and revokes what it has.",
            _TAG,
            gives=ExpelResponse,
        )
        return [
            Endpoint(giving, self._give),
            Endpoint(listing, self._list),
            Endpoint(ending, self._expel),
        ]

    async def _give(self, request: Request) -> Response:
        body = await read(request, TokenRequest, most=self._limits.json_bytes)
        valid = timedelta(minutes=min(max(body.minutes, 0), 10**6))
        token = await self._joining.give(principal_of(request), body.roles, body.names, valid)
        told = TokenResponse(
            token=token.text,
            id=token.enrolment.id,
            mac_key=token.mac_key,
            root=token.root,
            redeem_until=_moment(token.enrolment.redeem_until),
        )
        return json(told, 201)

    async def _list(self, request: Request) -> Response:
        found = await self._joining.all(principal_of(request))
        return json([self._listed(one) for one in found])

    async def _expel(self, request: Request) -> Response:
        principal = principal_of(request)
        revoked = await self._joining.expel(principal, request.path_params["enrolment"])
        return json(ExpelResponse(revoked=revoked))

    def _listed(self, one: Enrolment) -> EnrolmentListing:
        return EnrolmentListing(
            id=one.id,
            state=self._state(one),
            roles=list(one.roles),
            names=list(one.names),
            created_by=one.created_by,
            created_at=_moment(one.created_at),
            redeem_until=_moment(one.redeem_until),
            joined_at=_maybe(one.joined_at),
            seen_at=_maybe(one.seen_at),
            holds=list(one.holds),
        )

    def _state(self, one: Enrolment) -> str:
        if one.ended_at is not None:
            return "ended"
        if one.joined_at is not None:
            return "joined"
        return "late" if one.redeem_until < self._clock() else "waiting"


def _maybe(moment: datetime | None) -> str | None:
    return None if moment is None else _moment(moment)


def _moment(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
