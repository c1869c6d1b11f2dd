"""Services: published, shown, changed, retired, and what their calls look like."""

from collections.abc import Sequence
from types import GenericAlias

from starlette.requests import Request
from starlette.responses import Response

from hermetic.errors import BadInput
from hermetic.gateway.publication import PatchRequest
from hermetic.gateway.publication import PublishRequest as Publication
from hermetic.gateway.publishing import Publishing, ServiceView
from hermetic.http.endpoint import Endpoint, json, pieces, principal_of, read, read_raw
from hermetic.http.limits import WireLimits
from hermetic.serving.schema import Parameter, Schema
from hermetic.serving.service import Entry, EntryKind, RuntimeKind
from hermetic.wire.messages import (
    BundleResponse,
    ParameterDefinition,
    PublishRequest,
    WebService,
    web_service,
)
from hermetic.wire.openapi import Operation
from hermetic.wire.swagger import swagger

_TAG = "Services"
_ONE = "/services/{name}/{version}"
# What is given the request itself is deployed, not published.
_ENTRIES = {kind.value: kind for kind in EntryKind if kind is not EntryKind.REQUEST}


class ServicesApi:
    """Answers what is asked about services."""

    def __init__(self, publishing: Publishing, limits: WireLimits) -> None:
        self._publishing, self._limits = publishing, limits

    def endpoints(self) -> list[Endpoint]:
        """Return what can be asked."""
        name, every = "/services/{name}", list[WebService]
        retiring = Operation(
            "DELETE", _ONE, "deleteWebServiceVersion", "Retires a service.", _TAG, gives=dict
        )
        uploading = Operation(
            "POST",
            "/bundles",
            "uploadBundle",
            "Keeps an archive to publish from.",
            _TAG,
            "application/zip",
            BundleResponse,
            201,
        )
        return [
            Endpoint(_get("/services", "getAllWebServices", every), self._list),
            Endpoint(_get(name, "getAllWebServicesByName", every), self._list),
            Endpoint(_get(_ONE, "getWebServiceVersion", WebService), self._show),
            Endpoint(_publish("POST", name, "publishWebService", 201), self._publish),
            Endpoint(_publish("POST", _ONE, "publishWebServiceVersion", 201), self._publish),
            Endpoint(_publish("PATCH", _ONE, "patchWebServiceVersion", 200), self._patch),
            Endpoint(retiring, self._delete),
            Endpoint(uploading, self._upload),
            *self._calls(),
        ]

    def _calls(self) -> list[Endpoint]:
        address = "/api/{name}/{version}"
        calling = Operation(
            "POST",
            address,
            "consume",
            "Calls a service; its own description says with which inputs.",
            "Calls",
            dict,
            dict,
        )
        describing = Operation(
            "GET",
            f"{address}/swagger.json",
            "getServiceSwagger",
            "Describes a service in Swagger 2.0.",
            "Calls",
            gives=dict,
        )
        return [Endpoint(calling, self._call_late), Endpoint(describing, self._swagger)]

    async def _list(self, request: Request) -> Response:
        name = request.path_params.get("name")
        views = await self._publishing.services(principal_of(request), name)
        return json([_seen(view) for view in views])

    async def _show(self, request: Request) -> Response:
        return json(_seen(await self._view(request)))

    async def _swagger(self, request: Request) -> Response:
        return json(swagger((await self._view(request)).service))

    async def _publish(self, request: Request) -> Response:
        body = await read(request, PublishRequest, most=self._limits.json_bytes)
        view = await self._publishing.publish(
            principal_of(request),
            request.path_params["name"],
            request.path_params.get("version"),
            _publication(body),
        )
        return json(view.service.key.version, 201)

    async def _patch(self, request: Request) -> Response:
        body = await read(request, PublishRequest, most=self._limits.json_bytes)
        view = await self._publishing.patch(
            principal_of(request), *_name_and_version(request), _change(body)
        )
        return json(view.service.key.version)

    async def _delete(self, request: Request) -> Response:
        await self._publishing.delete(principal_of(request), *_name_and_version(request))
        return json({})

    async def _call_late(self, request: Request) -> Response:
        # A call of a service that is known here never comes here; only its first one may, where
        # another web node published it a moment ago.
        principal_of(request)
        body = await read_raw(request, most=self._limits.call_bytes)
        request_id = request.scope["state"]["request_id"]
        name, version = _name_and_version(request)
        answer = await self._publishing.call_late(name, version, body, request_id)
        if answer.error is not None:
            raise answer.error
        return Response(answer.body, media_type="application/json")

    async def _upload(self, request: Request) -> Response:
        digest = await self._publishing.upload(
            principal_of(request), pieces(request, most=self._limits.upload_bytes)
        )
        return json(BundleResponse(digest=digest), 201)

    async def _view(self, request: Request) -> ServiceView:
        return await self._publishing.show(principal_of(request), *_name_and_version(request))


def _get(path: str, name: str, gives: type | GenericAlias) -> Operation:
    return Operation("GET", path, name, "Shows what is published.", _TAG, gives=gives)


def _publish(method: str, path: str, name: str, status: int) -> Operation:
    summary = "Publishes a service." if method == "POST" else "Changes a service."
    return Operation(
        method, path, name, summary, _TAG, takes=PublishRequest, gives=str, status=status
    )


def _name_and_version(request: Request) -> tuple[str, str]:
    return request.path_params["name"], request.path_params["version"]


def _seen(view: ServiceView) -> WebService:
    return web_service(view.service, shows_code=view.shows_code, may_change=view.may_change)


def _publication(body: PublishRequest) -> Publication:
    """Return what is to be published; what nobody said is as in ML Server."""
    kind, target = _entry(body)
    if kind is None and not body.code:
        raise BadInput("Say what to run: `code`, or a `bundle` with an `entry`.")
    return Publication(
        runtime=_runtime(body.runtime_type) or RuntimeKind.R,
        entry=Entry(kind or EntryKind.CODE, body.code or "", body.init_code, target),
        schema=Schema(
            _parameters(body.input_parameter_definitions) or (),
            _parameters(body.output_parameter_definitions) or (),
            tuple(body.output_file_names or ()),
        ),
        description=body.description,
        operation_id=body.operation_id or None,
        snapshot_id=body.snapshot_id,
        bundle=body.bundle,
        idempotent=bool(body.idempotent),
    )


def _change(body: PublishRequest) -> PatchRequest:
    kind, target = _entry(body)
    files = body.output_file_names
    return PatchRequest(
        runtime=_runtime(body.runtime_type),
        # New code replaces an entry script; without either the entry stays what it is.
        kind=kind or (EntryKind.CODE if body.code else None),
        code=body.code,
        init_code=body.init_code,
        target=target,
        inputs=_parameters(body.input_parameter_definitions),
        outputs=_parameters(body.output_parameter_definitions),
        files=None if files is None else tuple(files),
        description=body.description,
        operation_id=body.operation_id,
        snapshot_id=body.snapshot_id,
        bundle=body.bundle,
        idempotent=body.idempotent,
    )


def _entry(body: PublishRequest) -> tuple[EntryKind | None, str | None]:
    if body.entry is None:
        return None, None
    kind = _ENTRIES.get(body.entry.kind)
    if kind is None:
        raise BadInput(
            f"{body.entry.kind!r} is no kind of entry: use one of {', '.join(_ENTRIES)}."
        )
    return kind, body.entry.target


def _runtime(name: str | None) -> RuntimeKind | None:
    if name is None:
        return None
    try:
        return RuntimeKind(name)
    except ValueError:
        raise BadInput(f"{name!r} is no runtime: use one of {', '.join(RuntimeKind)}.") from None


def _parameters(
    definitions: Sequence[ParameterDefinition] | None,
) -> tuple[Parameter, ...] | None:
    if definitions is None:
        return None
    return tuple(Parameter.parse(one.name, one.type) for one in definitions)
