"""What of a result is asked for."""

import click
import pytest

from hermetic.cli.querying import query_of


def test_what_is_asked_for_is_found() -> None:
    assert query_of("a[].b")({"a": [{"b": 1}, {"b": 2}]}) == [1, 2]
    assert query_of("b")({"a": 1}) is None


@pytest.mark.parametrize("expression", ["", "a.[", "[?"])
def test_what_is_no_question_is_said_before_anything_is_done(expression: str) -> None:
    with pytest.raises(click.UsageError, match="JMESPath"):
        query_of(expression)


@pytest.mark.parametrize("expression", ["length(a)", "nothing(a)"])
def test_what_does_not_fit_is_said(expression: str) -> None:
    with pytest.raises(click.UsageError, match="does not fit"):
        query_of(expression)({"a": 1})
