from collections.abc import Callable
from datetime import timedelta

import pytest
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from hermetic.certificates import signing
from hermetic.certificates.chain import Chain, complete, extended, order, without_root
from hermetic.certificates.keys import generate
from hermetic.certificates.roles import Role
from hermetic.errors import CertificateRejected
from tests.support import imports
from tests.support.certificates import DAY, hierarchy
from tests.support.imports import code_of, lonely, material

_TANGLE = (
    material().certificate,
    material().intermediate,
    material().root,
    material().cross_signed,
    imports.resigned(material().intermediate, material().other.root),
    material().other.root_certificate,
    material().certificate,
)
_OURS = (material().certificate, material().intermediate, material().root)


@settings(deadline=None)
@given(st.permutations(_OURS))
def test_any_shuffle_gives_the_same_chain(shuffled: list[x509.Certificate]) -> None:
    assert order(shuffled).certificates == _OURS


@settings(deadline=None)
@given(st.permutations(_TANGLE))
def test_cross_signs_in_any_shuffle_give_the_same_shortest_chain(
    shuffled: list[x509.Certificate],
) -> None:
    first = order(_TANGLE)
    assert order(shuffled) == first
    assert len(first.certificates) == 3
    assert first.certificates[-1].issuer == first.certificates[-1].subject


@settings(deadline=None)
@given(st.permutations(range(4)), st.integers(1, 4))
def test_every_part_of_a_chain_that_hangs_together_is_ordered(
    places: list[int], length: int
) -> None:
    whole = (*_OURS[:2], material().cross_signed, material().other.root_certificate)
    part = whole[:length]
    shuffled = [whole[place] for place in places if place < length]
    assert order(shuffled).certificates == part


def test_a_certificate_alone_is_a_chain() -> None:
    assert order([material().certificate]).issuers == ()
    assert order([lonely().chain.leaf]).leaf == lonely().chain.leaf


def test_authorities_alone_are_a_chain_as_well() -> None:
    assert order([material().root, material().intermediate]).leaf == material().intermediate


def test_an_older_certificate_for_the_same_key_is_left_out() -> None:
    renewed = material().renewed
    assert order([material().certificate, renewed, material().intermediate]).leaf == renewed


def test_authorities_that_have_no_part_are_dropped_once_a_root_is_reached() -> None:
    surplus = [material().other.root_certificate, material().other.intermediate.chain.leaf]
    assert order([*surplus, *_OURS]).certificates == _OURS


@pytest.mark.parametrize(
    ("certificates", "code"),
    [
        (list, "no-certificate"),
        (lambda: [material().certificate, material().neighbour.chain.leaf], "stray-certificate"),
        (lambda: [material().certificate, material().root], "incomplete-chain"),
        (
            lambda: [*_OURS[:2], material().other.root_certificate],
            "incomplete-chain",
        ),
        (lambda: [material().root, material().other.root_certificate], "stray-certificate"),
    ],
    ids=["none", "two leaves", "no intermediate", "another root", "two roots"],
)
def test_what_makes_no_chain_is_refused_with_its_reason(
    certificates: Callable[[], list[x509.Certificate]], code: str
) -> None:
    assert code_of(lambda: order(certificates())) == code


def test_what_is_missing_is_named() -> None:
    with pytest.raises(CertificateRejected, match="'CN=Ours intermediate,O=Hermetic'"):
        order([material().certificate, material().root])


def test_authorities_that_issued_each_other_are_no_chain() -> None:
    ours, other = material().ours.root, material().other.root
    circle = [
        imports.resigned(ours.chain.leaf, other),
        imports.resigned(other.chain.leaf, ours),
    ]
    assert code_of(lambda: order(circle)) == "stray-certificate"


def test_a_name_without_the_signature_makes_no_issuer() -> None:
    forged = hierarchy(name="Ours").intermediate.chain.leaf
    assert forged.subject == material().intermediate.subject
    assert code_of(lambda: order([material().certificate, forged])) == "incomplete-chain"
    without_key_identifier = imports.resigned(material().certificate, material().ours.intermediate)
    assert code_of(lambda: order([without_key_identifier, forged])) == "incomplete-chain"


def test_a_crowd_of_namesakes_costs_a_bounded_number_of_signatures() -> None:
    issuer = material().ours.root
    crowd = [imports.resigned(material().intermediate, issuer) for _ in range(30)]
    again = [imports.resigned(issuer.chain.leaf, issuer) for _ in range(30)]
    found = code_of(lambda: order([material().certificate, *crowd, *again]))
    assert found in {None, "too-complex"}


def test_a_chain_larger_than_any_real_one_is_refused() -> None:
    large = imports.resigned(material().certificate, material().ours.intermediate, padding=80_000)
    small = imports.resigned(material().certificate, material().ours.intermediate, padding=10_000)
    assert code_of(lambda: order([large, material().intermediate])) == "too-large"
    assert code_of(lambda: order([small, material().intermediate])) is None


def test_a_chain_is_completed_from_a_pool() -> None:
    pool = [material().other.root_certificate, material().root, material().intermediate]
    assert complete(Chain((material().certificate,)), pool).certificates == _OURS


def test_a_chain_is_not_completed_from_a_pool_that_lacks_its_issuer() -> None:
    pool = [material().other.root_certificate, material().root]
    chain = Chain((material().certificate,))
    assert code_of(lambda: complete(chain, pool)) == "incomplete-chain"


def test_only_what_continues_the_chain_is_taken_from_the_pool() -> None:
    pool = [material().neighbour.chain.leaf, material().other.root_certificate]
    assert order([material().certificate], pool=pool).issuers == ()
    assert order([material().certificate], pool=[*pool, *_OURS]).certificates == _OURS


def test_the_root_is_left_out_and_a_self_signed_certificate_kept() -> None:
    assert without_root(Chain(_OURS)).certificates == _OURS[:2]
    assert without_root(Chain(_OURS[:2])).certificates == _OURS[:2]
    assert without_root(lonely().chain) == lonely().chain


def test_a_chain_tells_of_its_leaf() -> None:
    now = material().ours.now.replace(microsecond=0)
    chain = material().ours.issue("b.example", "*.a.example", "::1", life=2 * DAY).chain
    assert chain.names == ("b.example", "*.a.example", "::1")
    assert chain.subject == "CN=b.example"
    assert chain.not_after == now + 2 * DAY
    assert chain.not_before == now - timedelta(minutes=5)
    assert chain.serial == chain.leaf.serial_number
    assert len(chain.sha256) == 64
    assert chain.issuers == (material().intermediate,)


def test_a_certificate_without_names_has_none() -> None:
    assert lonely().chain.names == ()


def test_pem_holds_the_chain_leaf_first() -> None:
    assert tuple(x509.load_pem_x509_certificates(Chain(_OURS).pem)) == _OURS


def test_a_leaf_signed_by_a_root_needs_no_intermediate() -> None:
    root = signing.root(generate(), name="small", now=material().ours.now, life=DAY)
    chain = signing.leaf(
        root,
        generate().public_key(),
        names=["a.example"],
        role=Role.API,
        now=material().ours.now,
        life=DAY,
    )
    assert order([root.chain.leaf, chain.leaf]).certificates == (chain.leaf, root.chain.leaf)


def test_a_chain_is_extended_up_to_the_root_that_is_at_hand() -> None:
    leaf, intermediate, root = _OURS
    strangers = (material().other.root_certificate, material().neighbour.chain.leaf)
    assert extended(Chain((leaf,)), [*strangers, root, intermediate]).certificates == _OURS
    assert extended(Chain((leaf,)), [*strangers, root]).certificates == (leaf,)
    assert extended(Chain(_OURS), strangers).certificates == _OURS


def test_a_cross_sign_that_was_chosen_is_not_replaced_by_a_shorter_way() -> None:
    chosen = (*_OURS[:2], material().cross_signed)
    pool = [material().root, material().other.root_certificate]
    whole = (*chosen, material().other.root_certificate)
    assert extended(Chain(chosen), pool).certificates == whole


def test_authorities_that_vouch_for_each_other_extend_nothing() -> None:
    ours, other = material().ours, material().other
    one = imports.resigned(ours.root_certificate, other.root)
    back = imports.resigned(other.root_certificate, ours.root)
    chain = Chain((material().intermediate, one))
    assert extended(chain, [back, material().intermediate]).certificates[:2] == chain.certificates
