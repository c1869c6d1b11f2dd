from datetime import UTC, datetime

from hermetic.serving.service import RuntimeKind
from hermetic.serving.session import Snapshot


def snapshot(members: int) -> Snapshot:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    return Snapshot("id", None, "anna", now, RuntimeKind.PYTHON, "digest", 22, members)


def test_a_snapshot_without_members_is_empty() -> None:
    assert snapshot(0).is_empty


def test_a_snapshot_with_a_member_is_not() -> None:
    assert not snapshot(1).is_empty
