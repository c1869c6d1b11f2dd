"""What a header section may look like."""

from dataclasses import replace

import pytest

from hermetic.errors import AddressTooLong, HeadersTooLarge, InvalidHttp
from hermetic.http.framing import check_framing, check_repeated, check_sizes
from hermetic.http.limits import WireLimits

LIMITS = replace(WireLimits(), header_fields=3, header_bytes=40, address_bytes=20)
HOST = {b"host": b"node"}


def test_what_is_within_the_limits_is_taken() -> None:
    check_sizes([(b"a", b"b")] * 3, b"/" * 20, LIMITS)


@pytest.mark.parametrize(
    ("fields", "address", "error"),
    [
        ([(b"a", b"b")] * 4, b"/", HeadersTooLarge),
        ([(b"a", b"b" * 40)], b"/", HeadersTooLarge),
        ([(b"a", b"b" * 17)], b"/" * 20, HeadersTooLarge),
        ([], b"/" * 21, AddressTooLong),
    ],
)
def test_what_is_beyond_them_is_refused(
    fields: list[tuple[bytes, bytes]], address: bytes, error: type[Exception]
) -> None:
    with pytest.raises(error):
        check_sizes(fields, address, LIMITS)


def test_a_list_may_come_in_several_fields() -> None:
    check_repeated([(b"accept", b"a"), (b"accept", b"b"), (b"host", b"n")])


@pytest.mark.parametrize("name", [b"host", b"authorization", b"x-request-id", b"content-type"])
def test_what_means_something_once_may_come_once(name: bytes) -> None:
    check_repeated([(name, b"a"), (b"other", b"a")])
    with pytest.raises(InvalidHttp, match=name.decode()):
        check_repeated([(name, b"a"), (b"other", b"a"), (name, b"a")])


def test_only_http_1_1_keeps_its_connection() -> None:
    assert check_framing(HOST, "1.1", upgrading=False)
    assert not check_framing({}, "1.0", upgrading=False)
    assert not check_framing(HOST, "1.1", upgrading=True)


@pytest.mark.parametrize("version", ["0.9", "1.2", "2.0"])
def test_other_versions_are_refused(version: str) -> None:
    with pytest.raises(InvalidHttp, match=version):
        check_framing(HOST, version, upgrading=False)


def test_a_host_is_demanded() -> None:
    with pytest.raises(InvalidHttp, match="host"):
        check_framing({}, "1.1", upgrading=False)


@pytest.mark.parametrize(
    ("coding", "version"),
    [(b"gzip", "1.1"), (b"gzip, chunked", "1.1"), (b"", "1.1"), (b"chunked", "1.0")],
)
def test_a_body_is_framed_in_one_way_only(coding: bytes, version: str) -> None:
    check_framing(HOST | {b"transfer-encoding": b"Chunked"}, "1.1", upgrading=False)
    with pytest.raises(InvalidHttp):
        check_framing(HOST | {b"transfer-encoding": coding}, version, upgrading=False)


@pytest.mark.parametrize("field", [(b"content-length", b"1"), (b"transfer-encoding", b"chunked")])
def test_a_body_and_another_protocol_do_not_go_together(field: tuple[bytes, bytes]) -> None:
    check_framing(HOST | {b"content-length": b"0"}, "1.1", upgrading=True)
    with pytest.raises(InvalidHttp):
        check_framing(HOST | dict([field]), "1.1", upgrading=True)
