"""Calls of deployments, at the addresses that Azure ML gave them.

`/api/v1/service/<name>/score` at the front end of a compute, `/score` at a front end of its own.
Who may call is asked before anything of the body is read.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from time import perf_counter

import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from hermetic.compat.azureml.swagger import document
from hermetic.compat.azureml.table import Address
from hermetic.compat.azureml.telling import Telling
from hermetic.errors import BadInput, HeadersTooLarge, MethodNotAllowed, NotFound, Unreachable
from hermetic.gateway.deployments import is_sealed
from hermetic.gateway.placing import Placing
from hermetic.http.endpoint import json, read_raw
from hermetic.serving.deployment import Deployment, DeploymentKind
from hermetic.serving.exchange import HttpRequest, HttpResponse

PREFIX = "/api/v1/service/"
_SHARED = f"{PREFIX}{{name}}"
_OWN = {"/score", "/swagger.json", "/"}
_MOST = 100 * 1024 * 1024  # bytes of a body, as the original took
_LONGEST_ID = 100
_IDS = ("x-ms-request-id", "x-ms-client-request-id")
_BAD_GATEWAY = 502
_LEAST_STATUS, _MOST_STATUS = 200, 599
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}\Z")
_VALUE = re.compile(r"[\t\x20-\x7e\xa0-\xff]{0,16384}\Z")
# What belongs to a connection and not to what was said on it (RFC 9110, 7.6.1), or is ours.
_WITHHELD = {"connection", "content-length", "transfer-encoding", "keep-alive", "date", "server"}


def host_of(request: Request) -> str:
    """Return the host name *request* was sent to, without its port."""
    return name_of(request.headers.get("host", ""))


def name_of(host: str) -> str:
    """Return the name in a Host field, in lower case and without its port."""
    return (
        host.rpartition(":")[0].lower() if ":" in host and not host.endswith("]") else host.lower()
    )


def is_own_path(path: str) -> bool:
    """Whether *path* is one that a deployment with a front end of its own answers."""
    return path in _OWN


@dataclass(frozen=True)
class ScoringApi:
    """Answers calls on one kind of listener: with TLS, if it is *sealed*, or without."""

    placing: Placing
    telling: Telling
    sealed: bool

    def addresses(self) -> list[Address]:
        """Return what can be called."""
        return [
            *(Address(method, f"{_SHARED}/score", self._score) for method in ("GET", "POST")),
            Address("GET", f"{_SHARED}/swagger.json", self._swagger),
            Address("GET", _SHARED, self._healthy),
            *(Address(method, "/score", self._score) for method in ("GET", "POST", "OPTIONS")),
            Address("GET", "/swagger.json", self._swagger),
            Address("GET", "/", self._healthy),
        ]

    async def _score(self, request: Request) -> Response:
        one = self._called(request)
        if request.method == "OPTIONS":
            return Response(headers=_cross_origin(one, request))
        self.placing.admit(one, request.headers.get("authorization", ""))
        _refuse_long_ids(request)
        response, took_ms = await self._answered(one, request, "/score")
        status = _BAD_GATEWAY if response.failed and response.status == 500 else response.status
        headers = dict(_fields(response)) | {
            **_ids(request),
            **_cross_origin(one, request),
            "x-ms-run-function-failed": str(response.failed),
            "x-ms-run-fn-exec-ms": f"{took_ms:.3f}",
        }
        return Response(response.body, status, headers=headers)

    async def _swagger(self, request: Request) -> Response:
        one = self._called(request)
        self.placing.admit(one, request.headers.get("authorization", ""))
        version = request.query_params.get("version", "2")
        response, _ = await self._answered(one, request, "/swagger.json")
        if response.failed:
            raise BadInput("The service cannot describe itself: its log says why.")
        told = msgspec.json.decode(response.body)
        prefix = "" if one.kind is DeploymentKind.ACI else f"{PREFIX}{one.name}"
        return json(document(one.name, prefix, told, version), 200)

    async def _healthy(self, request: Request) -> Response:
        self._called(request)
        return PlainTextResponse("Healthy")

    async def _answered(
        self, one: Deployment, request: Request, path: str
    ) -> tuple[HttpResponse, float]:
        body = await read_raw(request, most=_MOST)
        hidden = {"authorization", "cookie"}  # for us, and nothing a script should keep
        sent = HttpRequest(
            request.method,
            path,
            request.url.query,
            tuple((name, value) for name, value in request.headers.items() if name not in hidden),
            body,
        )
        began = perf_counter()
        request_id: str = request.scope["state"]["request_id"]
        response = await self.placing.call(one.name, sent, request_id)
        return response, (perf_counter() - began) * 1000

    def _called(self, request: Request) -> Deployment:
        """Return what is called, if it is reached in this way at all."""
        name = request.path_params.get("name")
        host = host_of(request)
        if name is None:
            one = self.placing.at(host, sealed=self.sealed)
        else:
            one = self.placing.find(str(name))
        if one is None or not (name is None or self._is_here(one, host)):
            raise NotFound("There is no service at this address.")
        if request.method == "OPTIONS" and one.kind is DeploymentKind.AKS:
            raise MethodNotAllowed("Use GET or POST here.")
        return one

    def _is_here(self, one: Deployment, host: str) -> bool:
        """Whether *one*, which is deployed on a compute, is called at *host* on this listener."""
        if one.kind is not DeploymentKind.AKS:
            return False
        tls = self.telling.compute_tls(one.compute)
        if is_sealed(one, tls.state) is not self.sealed:
            return False
        # Without TLS it is the address that is called, whatever name leads there.
        return not self.sealed or host == tls.host


def _fields(response: HttpResponse) -> Iterator[tuple[str, str]]:
    """Yield the fields that a script set, unless they or its status are no HTTP.

    A line break in a field would let a script say what looks like another answer.
    """
    if not _LEAST_STATUS <= response.status <= _MOST_STATUS:
        raise Unreachable(f"The service answered with {response.status}, which is no status.")
    for name, value in response.headers:
        if not (_NAME.match(name) and _VALUE.match(value)):
            raise Unreachable(f"The service set {name[:80]!r} to what no field of HTTP can hold.")
        if name.lower() not in _WITHHELD:
            yield name, value


def _refuse_long_ids(request: Request) -> None:
    for name in _IDS:
        if len(request.headers.get(name, "")) > _LONGEST_ID:
            raise HeadersTooLarge(f"The field {name} has at most {_LONGEST_ID} characters.")


def _ids(request: Request) -> Mapping[str, str]:
    own: str = request.scope["state"]["request_id"]
    client = request.headers.get("x-ms-client-request-id", "")
    told = {"x-ms-request-id": request.headers.get("x-ms-request-id") or own}
    return {**told, "x-ms-client-request-id": client} if client else told


def _cross_origin(one: Deployment, request: Request) -> Mapping[str, str]:
    """Return what lets pages of the origins that the deployment names call it (Fetch, 3.2)."""
    origin = request.headers.get("origin", "")
    allowed = dict(one.variables).get("AML_CORS_ORIGINS", "")
    if not origin or not {origin, "*"} & {each.strip() for each in allowed.split(",")}:
        return {}
    return {
        "access-control-allow-origin": origin,
        "access-control-allow-methods": "GET, POST, OPTIONS",
        "access-control-allow-headers": "authorization, content-type",
        "vary": "origin",
    }
