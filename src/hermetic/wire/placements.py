"""A service as a web node gives it to a compute node.

A placement holds all that a worker loads by, and nothing of who published it.  It is known by
the SHA-256 digest of its JSON: two web nodes that mean the same say the same, and what a compute
node was given under a digest cannot be something else.
"""

import hashlib
from datetime import UTC, datetime

import msgspec

from hermetic.errors import BadInput
from hermetic.serving.schema import Parameter, Schema
from hermetic.serving.service import Entry, EntryKind, PlacedKey, RuntimeKind, Service, ServiceKey
from hermetic.wire.messages import Message, decode

_UNTOLD = datetime(1970, 1, 1, tzinfo=UTC)


class Placement(Message):
    """A service without its publisher; `bundle` is the digest of its archive, if it has one."""

    name: str
    version: str
    runtime: str
    kind: str
    code: str
    init_code: str | None
    target: str | None
    inputs: list[tuple[str, str]]
    outputs: list[tuple[str, str]]
    files: list[str]
    bundle: str | None
    variables: list[tuple[str, str]] = msgspec.field(default_factory=list)
    requirements: list[str] = msgspec.field(default_factory=list)


def placed(service: Service) -> tuple[str, bytes]:
    """Return the digest of what *service* is placed as, and the JSON of it."""
    entry, schema = service.entry, service.schema
    document = msgspec.json.encode(
        Placement(
            name=service.key.name,
            version=service.key.version,
            runtime=service.runtime.value,
            kind=entry.kind.value,
            code=entry.code,
            init_code=entry.init_code,
            target=entry.target,
            inputs=[(one.name, one.type.value) for one in schema.inputs],
            outputs=[(one.name, one.type.value) for one in schema.outputs],
            files=list(schema.files),
            bundle=service.bundle,
            variables=list(entry.variables),
            requirements=list(entry.requirements),
        )
    )
    return hashlib.sha256(document).hexdigest(), document


def service_of(document: bytes, digest: str) -> Service:
    """Return the service that *document* describes; its key is a `PlacedKey`.

    Raises:
        BadInput: It is no placement, or another one than *digest* says.
    """
    if hashlib.sha256(document).hexdigest() != digest:
        raise BadInput(f"This is not the placement {digest[:80]!r}: its digest is another.")
    one = decode(document, Placement)
    key = ServiceKey.parse(one.name, one.version)
    try:
        runtime, kind = RuntimeKind(one.runtime), EntryKind(one.kind)
    except ValueError as error:
        raise BadInput(f"A placement of {one.runtime!r} and {one.kind!r} is not known.") from error
    return Service(
        PlacedKey(key.name, key.version, digest),
        "",
        _UNTOLD,
        runtime,
        Entry(
            kind, one.code, one.init_code, one.target, tuple(one.variables), tuple(one.requirements)
        ),
        Schema(_parameters(one.inputs), _parameters(one.outputs), tuple(one.files)),
        bundle=one.bundle,
    )


def _parameters(named: list[tuple[str, str]]) -> tuple[Parameter, ...]:
    return tuple(Parameter.parse(name, type_name) for name, type_name in named)
