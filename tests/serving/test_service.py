"""The name and version under which a service is published."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermetic.errors import BadInput
from hermetic.serving.service import ServiceKey


@pytest.mark.parametrize("name", ["wine", "_1", "a.b~c@d+e-f", "9", "x" * 128])
def test_what_can_stand_in_an_address_can_be_a_name_or_a_version(name: str) -> None:
    assert ServiceKey.parse(name, "1.0").path == f"/api/{name}/1.0"
    assert ServiceKey.parse("wine", name).version == name


@pytest.mark.parametrize(
    "name", ["", ".", "..", ".a", "-a", "a/b", "a b", "a%2fb", "ä", "a\n", "a?", "x" * 129]
)
def test_what_cannot_is_refused_in_both_places(name: str) -> None:
    with pytest.raises(BadInput, match="a service's name"):
        ServiceKey.parse(name, "1.0")
    with pytest.raises(BadInput, match="a service's version"):
        ServiceKey.parse("wine", name)


@given(st.text(max_size=140), st.text(max_size=140))
def test_whatever_is_accepted_is_an_address_as_it_stands(name: str, version: str) -> None:
    try:
        path = ServiceKey.parse(name, version).path
    except BadInput:
        return
    assert re.fullmatch(r"/api/[\w.~@+-]+/[\w.~@+-]+", path, re.ASCII)
    assert path.count("/") == 3
