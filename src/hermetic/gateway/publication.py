"""What a publisher asks for, and what becomes of it.  No I/O."""

import re
from dataclasses import dataclass, replace
from typing import TypeVar

from hermetic.errors import BadInput
from hermetic.serving.schema import Parameter, Schema, is_file_name
from hermetic.serving.service import Entry, EntryKind, RuntimeKind, Service
from hermetic.serving.session import Snapshot

T = TypeVar("T")

_FUNCTION = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*\Z")


@dataclass(frozen=True)
class PublishRequest:
    """What is to be published, beside its name and version.

    The models and files come from `snapshot_id`, a snapshot of the caller's, or from `bundle`,
    the digest of an archive uploaded before; from neither if the code stands alone.  A call of
    what is `idempotent` may be run twice, when a node fails in the middle of it.
    """

    runtime: RuntimeKind
    entry: Entry
    schema: Schema
    description: str | None = None
    operation_id: str | None = None
    snapshot_id: str | None = None
    bundle: str | None = None
    idempotent: bool = False


@dataclass(frozen=True)
class PatchRequest:
    """What is to be changed of a service; `None` keeps what is there."""

    runtime: RuntimeKind | None = None
    kind: EntryKind | None = None
    code: str | None = None
    init_code: str | None = None
    target: str | None = None
    inputs: tuple[Parameter, ...] | None = None
    outputs: tuple[Parameter, ...] | None = None
    files: tuple[str, ...] | None = None
    description: str | None = None
    operation_id: str | None = None
    snapshot_id: str | None = None
    bundle: str | None = None
    idempotent: bool | None = None


def content_of(snapshot: Snapshot | None) -> str | None:
    """Return the bundle a service gets from *snapshot*; none from one that is empty."""
    return None if snapshot is None or snapshot.is_empty else snapshot.bundle


def patched(old: Service, request: PatchRequest, snapshot: Snapshot | None) -> Service:
    """Return *old* with what *request* changes; *snapshot* is the one it names.

    The retired client sends an empty snapshot even where it changes a description only; so an
    empty one without code keeps the stored workspace.
    """
    keeps = request.bundle is None and (
        snapshot is None or (snapshot.is_empty and request.code is None)
    )
    schema = Schema(
        _first(request.inputs, old.schema.inputs),
        _first(request.outputs, old.schema.outputs),
        _first(request.files, old.schema.files),
    )
    entry = Entry(
        _first(request.kind, old.entry.kind),
        _first(request.code, old.entry.code),
        _first(request.init_code, old.entry.init_code),
        _first(request.target, old.entry.target),
    )
    return replace(
        old,
        runtime=_first(request.runtime, old.runtime),
        entry=entry,
        schema=schema,
        description=_first(request.description, old.description),
        operation_id=_first(request.operation_id, old.operation_id) or None,
        snapshot_id=old.snapshot_id if keeps else request.snapshot_id,
        bundle=old.bundle if keeps else _first(request.bundle, content_of(snapshot)),
        idempotent=_first(request.idempotent, old.idempotent),
    )


def loads_alike(old: Service, new: Service) -> bool:
    """Whether a worker that loaded *old* would answer for *new* just as well."""
    return (old.runtime, old.entry, old.schema, old.bundle) == (
        new.runtime,
        new.entry,
        new.schema,
        new.bundle,
    )


def refuse_incomplete(service: Service) -> None:
    """Raise `BadInput` unless the entry of *service* says where a call begins."""
    entry = service.entry
    if entry.kind is EntryKind.CODE:
        if not entry.code.strip():
            raise BadInput("There is no code to publish: send `code`.")
        return
    target = entry.target or ""
    if service.bundle is None:
        raise BadInput(f"The entry {target!r} needs a bundle it lies in: upload one first.")
    is_script = entry.kind in {EntryKind.SCRIPT, EntryKind.REQUEST}
    if is_script and not all(map(is_file_name, target.split("/"))):
        raise BadInput(f"{target!r} is no script inside the bundle: use a path like 'score.py'.")
    if entry.kind is EntryKind.FUNCTION and not _FUNCTION.match(target):
        raise BadInput(f"{target!r} is no function: use 'module:function'.")


def _first(asked: T | None, known: T) -> T:
    return known if asked is None else asked
