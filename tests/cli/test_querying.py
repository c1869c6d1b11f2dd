"""What of a result is asked for."""

import click
import pytest

from hermetic.cli.querying import queried


def test_what_is_asked_for_is_found() -> None:
    assert queried({"a": [{"b": 1}, {"b": 2}]}, "a[].b") == [1, 2]
    assert queried({"a": 1}, "b") is None


@pytest.mark.parametrize("expression", ["", "a.[", "length(a)", "nothing(a)"])
def test_what_cannot_be_asked_is_said(expression: str) -> None:
    with pytest.raises(click.UsageError, match="JMESPath"):
        queried({"a": 1}, expression)
