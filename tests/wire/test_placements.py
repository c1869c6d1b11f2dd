"""A service on its way to a compute node."""

from dataclasses import replace
from datetime import timedelta

import pytest

from hermetic.errors import BadInput
from hermetic.serving.schema import Parameter, Schema
from hermetic.serving.service import Entry, EntryKind, PlacedKey
from hermetic.wire.placements import placed, service_of
from tests.support.wire import WINE_SERVICE

FULL = replace(
    WINE_SERVICE,
    entry=Entry(EntryKind.SCRIPT, "", "x = 1", "score.py"),
    schema=Schema(
        (Parameter.parse("x", "numeric"),), (Parameter.parse("y", "data.frame"),), ("ä.txt",)
    ),
    bundle="a" * 64,
)


def test_what_comes_out_is_what_went_in_but_for_the_publisher() -> None:
    digest, document = placed(FULL)
    found = service_of(document, digest)
    assert found.key == PlacedKey("wine", "1.0", digest)
    assert (found.entry, found.schema, found.bundle) == (FULL.entry, FULL.schema, FULL.bundle)
    assert found.owner == ""


def test_who_published_it_and_when_makes_no_other_placement() -> None:
    later = replace(FULL, owner="bea", created_at=FULL.created_at + timedelta(days=1))
    assert placed(later) == placed(FULL)


def test_whatever_a_worker_loads_by_makes_another_placement() -> None:
    others = [
        replace(FULL, entry=replace(FULL.entry, init_code="x = 2")),
        replace(FULL, schema=Schema()),
        replace(FULL, bundle=None),
    ]
    assert len({placed(one)[0] for one in (FULL, *others)}) == 4


def test_a_document_that_was_changed_is_refused() -> None:
    digest, document = placed(FULL)
    with pytest.raises(BadInput, match="digest"):
        service_of(document.replace(b"score", b"scare"), digest)
