"""Deployments: their names and their sizes."""

import pytest

from hermetic.errors import BadInput
from hermetic.serving.deployment import Sizing, check_name


@pytest.mark.parametrize("name", ["abc", "a-c", "a" * 32, "a0z"])
def test_a_name_can_be_one(name: str) -> None:
    check_name(name)


@pytest.mark.parametrize(
    "name", ["", "a", "ab", "Abc", "-ab", "ab-", "a" * 33, "a_b", "../a", "1ab"]
)
def test_what_can_be_no_name_is_refused(name: str) -> None:
    with pytest.raises(BadInput, match="3 to 32"):
        check_name(name)


def test_replicas_take_calls_at_once() -> None:
    assert Sizing(replicas=3, concurrency=4).at_once == 12


@pytest.mark.parametrize("wrong", [{"replicas": 0}, {"concurrency": -1}, {"queue_s": 0}])
def test_sizes_are_above_zero(wrong: dict[str, int]) -> None:
    with pytest.raises(BadInput):
        Sizing(**wrong)
