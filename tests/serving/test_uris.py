"""Compute nodes as they are written: URIs, ranges, and what is neither."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermetic.errors import BadInput
from hermetic.serving.uris import MOST, NodeAddress, expand


def urls(*entries: str) -> list[str]:
    return [address.url for address in expand(entries)]


def test_a_range_of_octets_is_their_product_in_order() -> None:
    assert urls("http://1.0.1-3.1-2:12805") == [
        "http://1.0.1.1:12805",
        "http://1.0.1.2:12805",
        "http://1.0.2.1:12805",
        "http://1.0.2.2:12805",
        "http://1.0.3.1:12805",
        "http://1.0.3.2:12805",
    ]


def test_a_port_may_be_a_range_whatever_the_host() -> None:
    assert urls("http://1.1.1.1:10-12") == [f"http://1.1.1.1:{port}" for port in (10, 11, 12)]
    assert urls("https://my-node-1:10-11") == ["https://my-node-1:10", "https://my-node-1:11"]
    assert len(expand(["http://[::1]:1-3"])) == 3


def test_a_whole_octet_may_be_a_range() -> None:
    found = expand(["http://10.0.1.0-255:12805"])
    assert len(found) == 256
    assert found[255] == NodeAddress("http", "10.0.1.255", 12805)


@pytest.mark.parametrize("entry", ["https://my-node-1", "https://1-2.example.com", "http://a1-2"])
def test_a_hyphen_in_a_name_is_a_hyphen(entry: str) -> None:
    assert urls(entry) == [entry]


@pytest.mark.parametrize(
    ("entry", "text", "authority"),
    [
        ("https://Node.Example.COM.", "https://node.example.com/", "node.example.com:443"),
        ("HTTPS://node:443/", "https://node/", "node:443"),
        ("http://node", "http://node/", "node:80"),
        ("http://node:443", "http://node:443/", "node:443"),
        ("https://[2001:DB8:0::1]:12805/", "https://[2001:db8::1]:12805/", "[2001:db8::1]:12805"),
        ("https://[::1]", "https://[::1]/", "[::1]:443"),
    ],
)
def test_each_has_one_canonical_text(entry: str, text: str, authority: str) -> None:
    (address,) = expand([entry])
    assert str(address) == text
    assert address.authority == authority


def test_commas_and_lists_are_the_same_and_what_comes_twice_counts_once() -> None:
    assert urls("http://a:1, http://b:2,http://A:1/") == ["http://a:1", "http://b:2"]
    assert urls("http://b:2", "http://a:1") == ["http://b:2", "http://a:1"]
    assert expand([]) == ()


@pytest.mark.parametrize(
    ("entry", "part", "remedy"),
    [
        ("node:12805", "no scheme", "begin with https"),
        ("ftp://node", "the scheme 'ftp'", "begin with https"),
        ("http://", "no host", "a DNS name"),
        ("http://@node", "a user", "leave it out"),
        ("http://node/api", "a path", "end after the port"),
        ("http://node//", "a path", "end after the port"),
        ("http://node?x=1", "a query", "end after the port"),
        ("http://node#x", "a fragment", "end after the port"),
        ("http://node\\x", "a backslash", "end after the port"),
        ("http://node:", "no port", "1 to 65535"),
        ("http://node:0", "the port '0'", "1 to 65535"),
        ("http://node:65536", "the port '65536'", "1 to 65535"),
        ("http://node:0443", "the port '0443'", "1 to 65535"),
        ("http://node:80-", "the port '80-'", "1 to 65535"),
        ("http://node:12-10", "the port '12-10'", "10-12"),
        ("http://1.2.3", "the host '1.2.3'", "four numbers"),
        ("http://10-12:80", "the host '10-12'", "four numbers"),
        ("http://1.2.3.4.5", "the host", "four numbers"),
        ("http://1.2.3.256", "the octet '256'", "0 to 255"),
        ("http://1.2.3.010", "the octet '010'", "0 to 255"),
        ("http://1.2.3.9-8", "the octet '9-8'", "8-9"),
        ("http://1.2.3.1-2-3", "the octet '1-2-3'", "0 to 255"),
        ("http://1.2..3", "no octet", "0 to 255"),
        ("http://2001:db8::1", "the host", "in brackets"),
        ("http://[::1", "the host", "as [2001:db8::1]"),
        ("http://[::1]80", "the host", "as [2001:db8::1]"),
        ("http://[::1-3]", "the host", "without a range"),
        ("http://[fe80::1%eth0]", "the host", "or a zone"),
        ("http://no_de", "the host", "a DNS name"),
        ("http://-node", "the host", "a DNS name"),
        ("http://nöde", "the host", "xn--"),
        ("http://no de", "the host", "a DNS name"),
        ("http://node\n", "the host", "a DNS name"),
        ("http://0x7f.1", "the host", "a DNS name"),
        ("http://a,,http://b", "an empty entry", "leave the comma out"),
        ("", "an empty entry", "leave the comma out"),
    ],
)
def test_what_is_refused_is_named_with_its_part_and_a_remedy(
    entry: str, part: str, remedy: str
) -> None:
    with pytest.raises(BadInput) as refused:
        expand(["http://good", entry])
    assert part in refused.value.text
    assert remedy in refused.value.text
    assert repr(entry.partition(",")[0])[1:-1].rpartition("://")[2] in refused.value.text


@pytest.mark.parametrize(
    "entry", ["http://me:secret@node", "me:secret@node", "http://me:x,secret@n"]
)
def test_a_password_in_an_entry_is_not_repeated(entry: str) -> None:
    with pytest.raises(BadInput) as refused:
        expand([entry])
    assert "secret" not in refused.value.text


def test_as_many_as_are_allowed_are_given_and_not_one_more() -> None:
    whole = "http://10.0.0-15.0-255"
    assert len(expand([whole])) == MOST
    with pytest.raises(BadInput, match=f"there are {MOST + 1} addresses, more than the {MOST}"):
        expand([whole, "http://one.more"])


def test_a_range_too_large_to_write_down_is_refused_before_it_is_made() -> None:
    with pytest.raises(BadInput, match="make its ranges smaller"):
        expand(["http://0-255.0-255.0-255.0-255:1-65535"])


def test_an_entry_of_any_length_is_refused_in_one_short_sentence() -> None:
    with pytest.raises(BadInput) as refused:
        expand(["http://" + "x" * 100_000])
    assert len(refused.value.text) < 500


@given(st.lists(st.text(alphabet="htps:/[]0123456789.-,ab %@", max_size=40), max_size=3))
def test_whatever_is_accepted_is_accepted_again_as_it_is_shown(entries: list[str]) -> None:
    try:
        found = expand(entries)
    except BadInput:
        return
    assert expand(str(address) for address in found) == found
    assert all(re.fullmatch(r"https?://[a-z0-9.:\[\]-]+/", str(address)) for address in found)
