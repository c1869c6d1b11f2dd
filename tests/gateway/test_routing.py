import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermetic.gateway.routing import Routes
from hermetic.serving.service import ServiceKey

WINE = ServiceKey("wine", "1.0")


def routes(*keys: ServiceKey) -> Routes:
    made = Routes()
    for key in keys:
        made.add(key)
    return made


def test_a_call_finds_its_service() -> None:
    assert routes(WINE).find(b"/api/wine/1.0") == WINE


@pytest.mark.parametrize(
    "path",
    [
        b"/api/wine/1.1",
        b"/api/Wine/1.0",
        b"/api/wine/1.0/",
        b"/api/wine/1.0?x",
        b"/api//wine/1.0",
        b"/api/wine",
        b"/api/x/../wine/1.0",
        b"/api/wine/%2e%2e/1.0",
        b"/api/wine%2F1.0/",
        b"/api/wine/1.0%00",
        b"",
        b"%",
        b"\xff",
    ],
)
def test_another_address_finds_none(path: bytes) -> None:
    assert routes(WINE).find(path) is None


@pytest.mark.parametrize("path", [b"/api/w%69ne/1%2E0", b"/api/wine/1%2e0"])
def test_an_encoded_address_is_the_same_address(path: bytes) -> None:
    assert routes(WINE).find(path) == WINE


def test_a_name_that_clients_encode_is_found_both_ways() -> None:
    key = ServiceKey("a@b", "1+2")
    assert routes(key).find(b"/api/a@b/1+2") == key
    assert routes(key).find(b"/api/a%40b/1%2B2") == key


def test_a_removed_service_is_not_found() -> None:
    made = routes(WINE)
    made.remove(WINE)
    made.remove(WINE)
    assert made.find(b"/api/wine/1.0") is None
    assert len(made) == 0


def test_all_services_can_be_gone_through_while_they_change() -> None:
    made = routes(WINE, ServiceKey("beer", "1"))
    for key in made:
        made.remove(key)
    assert list(made) == []


@given(st.binary(max_size=60))
def test_no_path_is_too_odd_to_be_looked_up(path: bytes) -> None:
    assert routes(WINE).find(b"/api/" + path) in {None, WINE}
