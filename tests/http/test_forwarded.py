"""Where a request came from: who is believed, how far, and what is left of the claims."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Scope

from hermetic.fronts.fields import FAMILIES, IDENTITY, ORIGIN
from hermetic.fronts.proxies import Proxies
from hermetic.http.forwarded import Field, settle

PROXIES = Proxies.parse(["10.0.0.0/8", "2001:db8:1::/48"])
PEER = "10.0.0.1"


def settled(*fields: Field, peer: str | None = PEER, proxies: Proxies = PROXIES) -> Scope:
    scope: Scope = {
        "type": "http",
        "scheme": "http",
        "client": None if peer is None else (peer, 40000),
        "headers": [(b"host", b"node"), (b"accept", b"*/*"), *fields],
    }
    settle(scope, proxies)
    return scope


def client(*fields: Field, peer: str = PEER) -> str:
    return str(settled(*fields, peer=peer)["client"][0])


def chain(value: str, *, peer: str = PEER) -> str:
    """Return who is believed to be the client after that `X-Forwarded-For`."""
    return client((b"x-forwarded-for", value.encode("latin-1")), peer=peer)


def element(value: str) -> str:
    """Return who is believed to be the client after that `Forwarded`."""
    return client((b"forwarded", value.encode("latin-1")))


@pytest.mark.parametrize(
    ("value", "believed"),
    [
        ("192.0.2.7", "192.0.2.7"),
        (" 192.0.2.7 ", "192.0.2.7"),
        ("192.0.2.7:4711", "192.0.2.7"),
        ("2001:db8::7", "2001:db8::7"),
        ("[2001:DB8::7]", "2001:db8::7"),
        ("[2001:db8::7]:4711", "2001:db8::7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("192.0.2.7, 10.9.9.9", "192.0.2.7"),
        ("192.0.2.7, 2001:db8:1::9, 10.9.9.9", "192.0.2.7"),
        ("10.7.7.7, 10.9.9.9", "10.7.7.7"),
    ],
)
def test_the_nearest_address_that_is_no_proxy_is_the_client(value: str, believed: str) -> None:
    assert chain(value) == believed


@pytest.mark.parametrize(
    "forged", ["10.0.0.2", "198.51.100.1", "198.51.100.1, 10.0.0.2", "garbage", "127.0.0.1, ::1"]
)
def test_what_a_client_writes_before_a_proxy_adds_its_address_counts_for_nothing(
    forged: str,
) -> None:
    assert chain(f"{forged}, 192.0.2.7") == "192.0.2.7"
    assert client((b"x-forwarded-for", forged.encode()), (b"x-forwarded-for", b"192.0.2.7")) == (
        "192.0.2.7"
    )


@pytest.mark.parametrize(
    "hop",
    [
        "",
        "unknown",
        "_hidden",
        "localhost",
        "192.0.2",
        "192.0.2.07",
        "192.0.2.256",
        "0x7f.1",
        "fe80::1%eth0",
        "[::1",
        "[::1]x",
        "192.0.2.7:",
        "192.0.2.7:port",
        '"192.0.2.7"',
        "192.0.2.7 198.51.100.1",
        "192.0.2.7;",
        "\xff\x00",
        "1" * 60_000,
    ],
)
def test_garbage_ends_the_chain_with_the_last_that_vouched(hop: str) -> None:
    assert chain(hop) == PEER
    assert chain(f"192.0.2.7, {hop}") == PEER
    assert chain(f"192.0.2.7, {hop}, 10.9.9.9") == "10.9.9.9"


def test_a_chain_of_any_length_is_followed_for_sixteen_hops() -> None:
    assert chain("192.0.2.7" + ", 10.9.9.9" * 15) == "192.0.2.7"
    assert chain("192.0.2.7" + ", 10.9.9.9" * 16) == "10.9.9.9"
    assert chain("192.0.2.7" + ", 10.9.9.9" * 6000) == "10.9.9.9"
    assert element("for=192.0.2.7" + ",for=10.9.9.9" * 16) == "10.9.9.9"
    assert element("for=192.0.2.7" + ",for=10.9.9.9" * 6000) == PEER


@pytest.mark.parametrize("peer", ["192.0.2.1", "11.0.0.1", "2001:db8:2::1", "::1", "not an ip"])
def test_nobody_else_is_believed(peer: str) -> None:
    scope = settled(
        (b"x-forwarded-for", b"198.51.100.1"),
        (b"x-forwarded-proto", b"https"),
        (b"x-forwarded-host", b"elsewhere"),
        (b"forwarded", b"for=198.51.100.1;proto=https;host=elsewhere"),
        peer=peer,
    )
    assert scope["client"] == (peer, 40000)
    assert scope["scheme"] == "http"
    assert scope["headers"] == [(b"host", b"node"), (b"accept", b"*/*")]


def test_nobody_at_all_is_believed_unless_named() -> None:
    for peer in (PEER, "127.0.0.1", None):
        scope = settled((b"x-forwarded-for", b"192.0.2.7"), peer=peer, proxies=Proxies())
        assert scope["client"] == (None if peer is None else (peer, 40000))


@pytest.mark.parametrize("peer", ["::ffff:10.0.0.1", "2001:db8:1::9", "2001:db8:1::9%eth0"])
def test_a_proxy_is_known_in_every_way_a_socket_writes_it(peer: str) -> None:
    assert chain("192.0.2.7", peer=peer) == "192.0.2.7"


def test_scheme_and_host_come_with_the_address() -> None:
    scope = settled(
        (b"x-forwarded-for", b"192.0.2.7"),
        (b"x-forwarded-proto", b"http, HTTPS"),
        (b"x-forwarded-host", b"forged, models.example.com:8443"),
    )
    assert scope["scheme"] == "https"
    assert (b"host", b"models.example.com:8443") in scope["headers"]
    assert (b"host", b"node") not in scope["headers"]
    assert scope["client"] == ("192.0.2.7", 0)


@pytest.mark.parametrize("host", [b"", b"a b", b"a/b", b"a@b", b"x" * 300, b"a:b", b"[::1", b"a,"])
def test_a_host_that_is_none_and_a_scheme_that_is_none_change_nothing(host: bytes) -> None:
    scope = settled(
        (b"x-forwarded-for", b"192.0.2.7"),
        (b"x-forwarded-proto", b"gopher"),
        (b"x-forwarded-host", host),
    )
    assert scope["scheme"] == "http"
    assert (b"host", b"node") in scope["headers"]


@pytest.mark.parametrize(
    ("value", "believed"),
    [
        ("for=192.0.2.7", "192.0.2.7"),
        ('For="[2001:db8::7]:4711";by=10.0.0.1', "2001:db8::7"),
        ("for=192.0.2.7:4711", "192.0.2.7"),
        ("for=198.51.100.1, for=192.0.2.7 , for=10.9.9.9", "192.0.2.7"),
        ('for="198.51.100.1, for=1.1.1.1";x="\\"", for=192.0.2.7', "192.0.2.7"),
        ("for=192.0.2.7, for=unknown", PEER),
        ("for=192.0.2.7, for=_hidden, for=10.9.9.9", "10.9.9.9"),
        ("for=192.0.2.7, proto=https", PEER),
        ("for=192.0.2.7;for=10.9.9.9", PEER),
        ('for="192.0.2.7', PEER),
        ("192.0.2.7", PEER),
        ("for=192.0.2.7,,", PEER),
        ("=", PEER),
    ],
)
def test_forwarded_is_read_as_rfc_7239_has_it(value: str, believed: str) -> None:
    assert element(value) == believed


def test_what_one_proxy_saw_is_kept_together() -> None:
    scope = settled(
        (b"forwarded", b"for=192.0.2.7;proto=https;host=models.example.com,"),
        (b"forwarded", b"for=10.9.9.9;proto=http;host=inside"),
    )
    assert scope["client"] == (PEER, 40000)  # two commas in a row: not read at all
    scope = settled(
        (b"forwarded", b"for=192.0.2.7;proto=https;host=models.example.com"),
        (b"forwarded", b"for=10.9.9.9;proto=http;host=inside"),
    )
    assert scope["client"] == ("192.0.2.7", 0)
    assert scope["scheme"] == "https"
    assert (b"host", b"models.example.com") in scope["headers"]


def test_if_both_kinds_disagree_neither_is_believed() -> None:
    forged = (b"forwarded", b"for=198.51.100.1")
    assert client(forged, (b"x-forwarded-for", b"192.0.2.7")) == PEER
    assert client((b"forwarded", b"for=192.0.2.7"), (b"x-forwarded-for", b"192.0.2.7")) == (
        "192.0.2.7"
    )


@pytest.mark.parametrize("peer", [PEER, "192.0.2.1"])
def test_no_claim_reaches_a_handler_whoever_sent_it(peer: str) -> None:
    names = [*ORIGIN, *IDENTITY, *(f"{family}new" for family in FAMILIES)]
    spelled = [*names, *(name.replace("-", "_") for name in names)]
    scope = settled(*((name.encode(), b"x") for name in spelled), peer=peer)
    assert scope["headers"] == [(b"host", b"node"), (b"accept", b"*/*")]


def test_an_underscore_is_removed_like_a_hyphen_and_not_believed() -> None:
    assert client((b"x_forwarded_for", b"192.0.2.7")) == PEER


def test_what_claims_nothing_stays_as_it_is() -> None:
    scope = settled((b"x-request-id", b"a"), (b"authorization", b"Bearer t"))
    assert scope["headers"][2:] == [(b"x-request-id", b"a"), (b"authorization", b"Bearer t")]
    assert scope["client"] == (PEER, 40000)


@given(
    st.lists(
        st.tuples(
            st.sampled_from([b"x-forwarded-for", b"forwarded", b"x-forwarded-host"]),
            st.binary(max_size=60)
            | st.from_regex(rb"(for=)?\[?[0-9.:,\" ]{0,40}\]?", fullmatch=True),
        ),
        max_size=6,
    )
)
def test_nothing_a_client_writes_before_the_proxy_is_believed(fields: list[Field]) -> None:
    told = client(*fields, (b"x-forwarded-for", b"192.0.2.7"))
    assert told in {"192.0.2.7", PEER}
