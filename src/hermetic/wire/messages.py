"""The bodies of the REST API, by the names ML Server 9.x gave their members.

Requests are read liberally: members we do not know are ignored, `null` is the same as absent,
an empty body the same as `{}`.  Answers are complete: every member is there, and a list is
never `null`.
"""

import re
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec

from hermetic.errors import InputMismatch, MalformedBody, Mismatch
from hermetic.serving.schema import Parameter
from hermetic.serving.service import Service

T = TypeVar("T")

_PLACE = re.compile(r"\A(.*) - at `\$(.*)`\Z", re.DOTALL)
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]")


class Message(msgspec.Struct, rename="camel", kw_only=True):
    """What all bodies share: camelCase names on the wire."""


class LoginRequest(Message):
    """Who logs in."""

    username: str
    password: str

    def __repr__(self) -> str:
        return "LoginRequest(…)"


class PasswordRequest(Message):
    """Gives the account that asks another password."""

    current_password: str
    password: str

    def __repr__(self) -> str:
        return "PasswordRequest(…)"


class RenewTokenRequest(Message):
    """Asks for a new pair of tokens."""

    refresh_token: str

    def __repr__(self) -> str:
        return "RenewTokenRequest(…)"


class AccessTokenResponse(msgspec.Struct, kw_only=True):
    """A pair of tokens; `expires_on` is in seconds since 1970."""

    token_type: str
    access_token: str
    expires_in: int
    expires_on: int
    refresh_token: str

    def __repr__(self) -> str:
        return "AccessTokenResponse(…)"


class ParameterDefinition(Message):
    """One input or output."""

    name: str
    type: str


class EntryDefinition(Message):
    """Where in a bundle a call begins: a `script`'s path, or a `function` as `module:function`."""

    kind: str
    target: str


class PublishRequest(Message):
    """What is published, or, in a PATCH, what changes; an absent member keeps its value.

    `bundle` (a digest that `POST /bundles` gave), `entry` and `idempotent` are ours; the rest is
    ML Server's.
    """

    snapshot_id: str | None = None
    code: str | None = None
    description: str | None = None
    operation_id: str | None = None
    input_parameter_definitions: list[ParameterDefinition] | None = None
    output_parameter_definitions: list[ParameterDefinition] | None = None
    runtime_type: str | None = None
    init_code: str | None = None
    output_file_names: list[str] | None = None
    bundle: str | None = None
    entry: EntryDefinition | None = None
    idempotent: bool | None = None


class WebService(Message):
    """A published service as a caller sees it; `code` is `null` to who may not read it.

    `idempotent`, which is ours, says that a call may be run twice, when a node fails in it.
    """

    name: str
    version: str
    version_published_by: str
    creation_time: str
    snapshot_id: str | None
    runtime_type: str
    init_code: str | None
    code: str | None
    description: str | None
    operation_id: str | None
    input_parameter_definitions: list[ParameterDefinition]
    output_parameter_definitions: list[ParameterDefinition]
    output_file_names: list[str]
    my_permission_on_service: str
    idempotent: bool = False


class CreateSessionRequest(Message):
    """Opens a session; an `R` one unless told otherwise, as ML Server had it."""

    name: str | None = None
    snapshot_id: str | None = None
    runtime_type: str | None = None


class CreateSessionResponse(Message):
    """The session that was opened."""

    session_id: str


class SessionListing(Message):
    """One open session."""

    id: str
    name: str | None
    owner: str
    runtime_type: str


class NamedValue(Message):
    """A value by its name, as the code of a session sees it."""

    name: str
    value: Any = None


class ExecuteRequest(Message):
    """Code to run in a session, with what to put in before and to read after."""

    code: str
    input_parameters: list[NamedValue] | None = None
    output_parameters: list[str] | None = None


class ExecuteResponse(Message):
    """How a run in a session ended."""

    success: bool
    error_message: str
    output_parameters: list[NamedValue]
    console_output: str
    changed_files: list[str]


class ConsoleOutputResponse(Message):
    """What the session's present or last run has written."""

    console_output: str


class CreateSnapshotRequest(Message):
    """Takes a snapshot, perhaps under a name."""

    name: str | None = None


class CreateSnapshotResponse(Message):
    """The snapshot that was taken."""

    snapshot_id: str


class SnapshotListing(Message):
    """One snapshot; `content_size` is in bytes."""

    id: str
    name: str | None
    owner: str
    creation_time: str
    content_size: int


class BundleResponse(Message):
    """The digest under which an uploaded bundle is kept (SHA-256, hexadecimal)."""

    digest: str


class Entries(Message):
    """URIs of compute nodes, or ranges of them."""

    entries: list[str]


class ComputeNodes(Message):
    """The entries as they were written."""

    compute_nodes: list[str]


class NodeRequest(Message):
    """The node that is meant, by its URI."""

    uri: str


class NodeListing(Message):
    """A compute node as a web node sees it.

    `state` is `ready`, `draining`, `failing` or `unreachable`, and `trouble` says why it is not
    the first.  What a node that does not answer would have said of itself is empty or 0.
    """

    uri: str
    state: str
    trouble: str
    version: str
    started_at: str
    workers: int
    busy: int
    most: int
    queued: int
    clock_ahead_s: float
    draining_since: str | None


class CheckResponse(Message):
    """How a trial load went: what the service's code wrote meanwhile."""

    console_output: str


class CertificateListing(Message):
    """A certificate of the node; moments in UTC, `next_renewal` is `null` if none is planned.

    `role` is what it is for, `source` where it comes from.  What was not issued yet has no subject,
    issuer, serial, digest and moments.  `last_error` says why the last try to renew it failed, if
    that did, and `doing` what is under way.
    """

    entry: str
    role: str
    source: str
    names: list[str]
    subject: str | None = None
    issuer: str | None = None
    serial: str | None = None
    sha256: str | None = None
    not_before: str | None = None
    not_after: str | None = None
    next_renewal: str | None = None
    last_error: str | None = None
    doing: str | None = None


class Status(Message):
    """How one part of the node is, and its parts: `pass`, `warn` or `fail`."""

    status_code: str
    components: dict[str, "Status"] | None
    details: dict[str, str | int]


def decode(body: bytes | bytearray, kind: type[T]) -> T:
    """Return *body* as a *kind*, or say where it does not fit.

    Raises:
        MalformedBody: It is not JSON.
        InputMismatch: It is JSON of another shape; the error holds a JSON pointer to the place.
    """
    try:
        return msgspec.json.decode(body or b"{}", type=kind)
    except msgspec.ValidationError as error:
        place = _PLACE.match(str(error))
        text, path = place.groups() if place else (str(error), "")
        pointer = _pointer(path)
        sentence = f"{text} at {pointer or 'the top'}."
        raise InputMismatch(
            f"The body does not fit: {sentence}", [Mismatch(pointer, sentence)]
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedBody(f"The body is not JSON: {error}.") from None
    except RecursionError:
        raise MalformedBody("The body is JSON nested too deeply to be read.") from None


def encode(value: object) -> bytes:
    """Return *value*, made of messages and of what JSON has, as JSON."""
    return msgspec.json.encode(value)


def creation_time(moment: datetime) -> str:
    """Return *moment* as ML Server wrote it: in UTC, seven digits of a second, no zone."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0"


def web_service(service: Service, *, shows_code: bool, may_change: bool) -> WebService:
    """Return *service* as somebody sees it who may read its code, and may change it, or not."""
    return WebService(
        name=service.key.name,
        version=service.key.version,
        version_published_by=service.owner,
        creation_time=creation_time(service.created_at),
        snapshot_id=service.snapshot_id,
        runtime_type=service.runtime.value,
        init_code=service.entry.init_code if shows_code else None,
        code=service.entry.code if shows_code else None,
        description=service.description,
        # An empty alias would become a method without a name in generated clients.
        operation_id=service.operation_id or None,
        input_parameter_definitions=[_definition(one) for one in service.schema.inputs],
        output_parameter_definitions=[_definition(one) for one in service.schema.outputs],
        output_file_names=list(service.schema.files),
        my_permission_on_service="read/write" if may_change else "read only",
        idempotent=service.idempotent,
    )


def _definition(parameter: Parameter) -> ParameterDefinition:
    return ParameterDefinition(name=parameter.name, type=parameter.type.value)


def _pointer(path: str) -> str:
    steps = (name or index for name, index in _STEP.findall(path))
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)
