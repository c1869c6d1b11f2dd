"""The fields by which proxies speak of clients."""

import re

import pytest

from hermetic.fronts.fields import FAMILIES, IDENTITY, ORIGIN

# Fields that callers send for themselves, and that must get through.
THEIR_OWN = (
    "accept",
    "authorization",
    "content-length",
    "content-type",
    "cookie",
    "host",
    "origin",
    "traceparent",
    "user-agent",
    "x-request-id",
    "x-client-version",
)


@pytest.mark.parametrize("name", [*ORIGIN, *IDENTITY])
def test_each_is_a_field_name_in_lower_case(name: str) -> None:
    assert re.fullmatch(r"[a-z0-9-]+", name)


def test_none_is_listed_twice() -> None:
    assert len({*ORIGIN, *IDENTITY}) == len(ORIGIN) + len(IDENTITY)
    assert len(set(FAMILIES)) == len(FAMILIES)


@pytest.mark.parametrize("name", THEIR_OWN)
def test_what_callers_send_for_themselves_is_none_of_them(name: str) -> None:
    assert name not in {*ORIGIN, *IDENTITY}
    assert not name.startswith(FAMILIES)
