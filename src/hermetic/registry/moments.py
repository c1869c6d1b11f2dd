"""Moments as the database keeps them: text that sorts as time does."""

from datetime import UTC, datetime


def to_text(moment: datetime) -> str:
    """Return *moment* in UTC with six decimals, so that all texts are of one length."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def from_text(text: str) -> datetime:
    """Return the moment that `to_text` wrote."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
