from dataclasses import replace
from datetime import UTC, datetime

import pytest

from hermetic.errors import BadInput
from hermetic.gateway.publication import (
    PatchRequest,
    content_of,
    loads_alike,
    patched,
    refuse_incomplete,
)
from hermetic.serving.schema import Parameter, Schema
from hermetic.serving.service import Entry, EntryKind, RuntimeKind, Service, ServiceKey
from hermetic.serving.session import Snapshot
from hermetic.serving.values import WireType

NOW = datetime(2026, 11, 22, tzinfo=UTC)
X = Parameter("x", WireType.NUMERIC)
SERVICE = Service(
    ServiceKey("wine", "1"),
    "anna",
    NOW,
    RuntimeKind.PYTHON,
    Entry(code="y = x", init_code="import math"),
    Schema((X,), (Parameter("y", WireType.NUMERIC),), ("a.txt",)),
    "Tells wines apart",
    "score",
    "snapshot-1",
    "old",
)
EMPTY = Snapshot("s", None, "anna", NOW, RuntimeKind.PYTHON, "nothing", 22, 0)
FULL = replace(EMPTY, bundle="new", members=2)


def entry(kind: EntryKind, target: str | None, *, bundle: str | None = "digest") -> Service:
    return replace(SERVICE, entry=Entry(kind, target=target), bundle=bundle)


def test_a_patch_that_says_nothing_keeps_everything() -> None:
    assert patched(SERVICE, PatchRequest(), None) == SERVICE


@pytest.mark.parametrize("was", [True, False])
def test_whether_a_call_may_be_tried_again_stays_unless_it_is_said(was: bool) -> None:
    service = replace(SERVICE, idempotent=was)
    assert patched(service, PatchRequest(description="Anew"), None).idempotent is was
    assert patched(service, PatchRequest(idempotent=not was), None).idempotent is not was


def test_a_description_alone_with_an_empty_snapshot_keeps_the_workspace() -> None:
    request = PatchRequest(runtime=RuntimeKind.PYTHON, description="Anew", snapshot_id="snapshot-2")
    assert patched(SERVICE, request, EMPTY) == replace(SERVICE, description="Anew")


def test_code_with_an_empty_snapshot_empties_the_workspace() -> None:
    request = PatchRequest(code="y = 2", snapshot_id="snapshot-2")
    new = patched(SERVICE, request, EMPTY)
    assert (new.bundle, new.snapshot_id) == (None, "snapshot-2")


def test_a_snapshot_that_holds_something_replaces_the_workspace() -> None:
    new = patched(SERVICE, PatchRequest(snapshot_id="snapshot-2"), FULL)
    assert (new.bundle, new.snapshot_id) == ("new", "snapshot-2")


def test_code_without_a_snapshot_keeps_the_workspace() -> None:
    new = patched(SERVICE, PatchRequest(code="y = 2"), None)
    assert (new.bundle, new.entry.code, new.entry.init_code) == ("old", "y = 2", "import math")


def test_a_bundle_replaces_the_workspace_and_the_memory_of_the_snapshot() -> None:
    new = patched(SERVICE, PatchRequest(bundle="uploaded"), None)
    assert (new.bundle, new.snapshot_id) == ("uploaded", None)


def test_each_part_of_the_schema_is_changed_by_itself() -> None:
    new = patched(SERVICE, PatchRequest(inputs=(), files=("b.txt",)), None)
    assert new.schema == Schema((), SERVICE.schema.outputs, ("b.txt",))


def test_an_empty_alias_is_none() -> None:
    assert patched(SERVICE, PatchRequest(operation_id=""), None).operation_id is None


def test_an_empty_snapshot_gives_no_content() -> None:
    assert (content_of(None), content_of(EMPTY), content_of(FULL)) == (None, None, "new")


def test_a_description_does_not_change_what_a_worker_loads() -> None:
    assert loads_alike(SERVICE, replace(SERVICE, description="Anew", idempotent=True))
    assert not loads_alike(SERVICE, replace(SERVICE, bundle="new"))
    assert not loads_alike(SERVICE, replace(SERVICE, schema=Schema()))


@pytest.mark.parametrize(
    "service",
    [
        SERVICE,
        entry(EntryKind.SCRIPT, "score.py"),
        entry(EntryKind.SCRIPT, "src/score.py"),
        entry(EntryKind.FUNCTION, "module:function"),
        entry(EntryKind.FUNCTION, "package.module:function"),
    ],
)
def test_an_entry_that_says_where_a_call_begins_is_accepted(service: Service) -> None:
    refuse_incomplete(service)


@pytest.mark.parametrize(
    "service",
    [
        replace(SERVICE, entry=Entry(code="  \n")),
        entry(EntryKind.SCRIPT, None),
        entry(EntryKind.SCRIPT, "/etc/passwd"),
        entry(EntryKind.SCRIPT, "../score.py"),
        entry(EntryKind.SCRIPT, "a\\b.py"),
        entry(EntryKind.SCRIPT, "score.py", bundle=None),
        entry(EntryKind.FUNCTION, "module"),
        entry(EntryKind.FUNCTION, "module:"),
        entry(EntryKind.FUNCTION, "..module:function"),
        entry(EntryKind.FUNCTION, "module:function()"),
        entry(EntryKind.FUNCTION, "module:function\n"),
    ],
)
def test_an_entry_that_does_not_is_refused(service: Service) -> None:
    with pytest.raises(BadInput):
        refuse_incomplete(service)
