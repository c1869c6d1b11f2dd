"""Who may come in: the tables, and what is said to those who may not."""

from datetime import timedelta
from functools import cache

import pytest
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from hermetic.certificates.authorisation import Allowed, Trust, uris_of
from hermetic.certificates.fingerprints import mirrored
from hermetic.certificates.names import DistinguishedName
from hermetic.certificates.revocation import Revocations
from hermetic.certificates.roles import Role
from hermetic.errors import BadInput, CertificateRejected
from tests.support.callers import FAULTS, Cast, alternatives
from tests.support.mint import DAY, NOW, spoilt
from tests.support.verdicts import Case, all_cases, fingerprint, trusting

CASES = all_cases()


@cache
def shared() -> Cast:
    return Cast(NOW)


@pytest.fixture
def cast() -> Cast:
    return shared()


def verdict(case: Case, cast: Cast) -> str:
    """Return what comes of a case: `in`, or the code of the refusal."""
    try:
        case.trust(cast).judge(case.knocks(cast).certificates, NOW, name=case.server)
    except CertificateRejected as error:
        return error.code
    return "in"


def refused(cast: Cast, who: str, **wanted: list[str]) -> str:
    """Return what is said to *who* where others are wanted."""
    trust = trusting(cast, Allowed.parse(**wanted))
    with pytest.raises(CertificateRejected) as caught:
        trust.judge(cast.identity(who).certificates, NOW)
    return caught.value.text


@pytest.mark.parametrize("case", CASES, ids=str)
def test_everybody_gets_in_where_they_are_meant_and_nowhere_else(case: Case, cast: Cast) -> None:
    assert verdict(case, cast) == case.verdict


def test_the_tables_are_not_small() -> None:
    assert len(CASES) >= 200
    assert len({case.name for case in CASES}) == len(CASES)


def test_whoever_is_let_in_is_known_by_the_verified_chain(cast: Cast) -> None:
    found = trusting(cast).judge(cast.identity("web-1").certificates, NOW)
    assert found.leaf == cast.identity("web-1").leaf
    assert found.issuers == (cast.issuing.certificate, cast.root.certificate)
    assert uris_of(found.leaf) == ("spiffe://contoso/web-1",)
    assert uris_of(cast.identity("legacy").leaf) == ()


def test_an_intermediate_at_hand_may_be_left_out_and_is_not_believed_by_itself(
    cast: Cast,
) -> None:
    alone, issuing = cast.identity("web-1").certificates[:1], (cast.issuing.certificate,)
    trust = Trust(cast.roots, Role.AUTHENTICATION, intermediates=issuing)
    assert trust.judge(alone, NOW).certificates[-1] == cast.root.certificate
    with pytest.raises(CertificateRejected) as caught:
        Trust((), Role.AUTHENTICATION, intermediates=issuing).judge(alone, NOW)
    assert caught.value.code == "unknown-issuer"


def test_an_issuer_counts_in_the_verified_path_only(cast: Cast) -> None:
    web_1 = cast.identity("web-1").certificates
    shown = (*web_1, cast.guests.certificate, cast.stranger.certificate)
    for bystander in ("CN=Guests", "CN=Stranger", "CN=Legacy Root"):
        with pytest.raises(CertificateRejected) as caught:
            trusting(cast, Allowed.parse(issuers=[bystander])).judge(shown, NOW)
        assert caught.value.code == "wrong-issuer"
    trusting(cast, Allowed.parse(issuers=["CN=Contoso Root"])).judge(shown, NOW)


def test_a_denied_certificate_stays_out_under_another_fingerprint(cast: Cast) -> None:
    web_1 = cast.identity("web-1")
    der = mirrored(web_1.leaf, cast.issuing.certificate)
    assert der is not None
    twin = (x509.load_der_x509_certificate(der), *web_1.certificates[1:])
    trusting(cast).judge(twin, NOW)
    denying = trusting(cast, Allowed.parse(denied=[fingerprint(web_1)]))
    with pytest.raises(CertificateRejected) as caught:
        denying.judge(twin, NOW)
    assert caught.value.code == "denied"


def test_a_wildcard_is_let_in_where_that_wildcard_is(cast: Cast) -> None:
    trust = trusting(cast, Allowed.parse(names=["web-9.nodes.test"]))
    only = cast.caller("any", put=(alternatives("*.nodes.test"),)).certificates
    with pytest.raises(CertificateRejected) as caught:
        trust.judge(only, NOW)
    assert caught.value.code == "wrong-name"
    trusting(cast, Allowed.parse(names=["*.nodes.test"])).judge(only, NOW)


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        (
            {"issuers": ["CN=Stranger", "CN=Guests"]},
            "by 'CN=Contoso Issuing', which is below 'CN=Contoso Root', and only what 'CN=Stran",
        ),
        (
            {"subjects": ["CN=web-1,O=Contoso"]},
            "'CN=web-2,O=Contoso' is not of a subject that is let in, which is 'CN=web-1,O=Con",
        ),
        (
            {"names": ["web-1.nodes.test", "spiffe://contoso/web-1"]},
            "names 'web-2.nodes.test', and only 'web-1.nodes.test' or 'spiffe://contoso/web-1'",
        ),
        ({"names": [f"web-{n}.test" for n in range(9)]}, "'web-4.test' or 4 more is let in"),
        ({"fingerprints": ["0" * 40]}, "which is none of the 1 that are let in"),
    ],
)
def test_a_refusal_says_what_came_and_what_is_wanted(
    cast: Cast, wanted: dict[str, list[str]], says: str
) -> None:
    assert says in refused(cast, "web-2", **wanted)


def test_a_refusal_for_a_fingerprint_tells_the_own_one_and_no_other(cast: Cast) -> None:
    own, other = (fingerprint(cast.identity(who)) for who in ("web-2", "web-1"))
    for wanted in ({"fingerprints": [other]}, {"denied": [own]}):
        text = refused(cast, "web-2", **wanted)
        assert own.replace(":", "").lower() in text
        assert other.replace(":", "").lower() not in text


@pytest.mark.parametrize("kind", ["issuers", "subjects", "names", "fingerprints", "denied"])
@pytest.mark.parametrize("blank", ["", " "])
def test_a_setting_left_blank_lets_nobody_in_unasked(kind: str, blank: str) -> None:
    with pytest.raises(BadInput):
        Allowed.parse(**{kind: [blank]})


@pytest.mark.parametrize("name", ["*", "*.test", "web-1.nodes.test:443", "https:/x", "a b"])
def test_a_name_that_nobody_can_have_is_refused(name: str) -> None:
    with pytest.raises(BadInput):
        Allowed.parse(names=[name])


def test_names_of_each_kind_are_told_apart() -> None:
    written = ["Web-1.Test", "2001:DB8::7", "spiffe://c/web-1", "urn:uuid:1"]
    allowed = Allowed.parse(issuers=["CN=a"], names=written)
    assert [one.text for one in allowed.names] == ["web-1.test", "2001:db8::7"]
    assert allowed.uris == ("spiffe://c/web-1", "urn:uuid:1")
    assert allowed.issuers == (DistinguishedName.parse("CN=a"),)


def test_extensions_that_cannot_be_read_are_refused(cast: Cast) -> None:
    leaf = spoilt(cast.identity("web-1").leaf, x509.SubjectAlternativeName)
    with pytest.raises(CertificateRejected) as caught:
        uris_of(leaf)
    assert caught.value.code == "malformed"


def test_a_judgement_holds_until_a_certificate_ends(cast: Cast) -> None:
    trust = Trust(cast.roots, Role.AUTHENTICATION)
    chain = trust.judge(cast.identity("web-1").certificates, NOW)
    assert trust.holds_until(chain, NOW) == NOW + DAY
    long = trust.judge(cast.caller(not_after=NOW + 900 * DAY).certificates, NOW)
    assert trust.holds_until(long, NOW) == cast.root.certificate.not_valid_after_utc


def test_a_judgement_holds_until_a_list_begins_or_ends(cast: Cast) -> None:
    def until(*lists: x509.CertificateRevocationList) -> timedelta:
        trust = Trust(cast.roots, Role.AUTHENTICATION, revocations=Revocations(lists))
        chain = trust.judge(cast.caller(not_after=NOW + 9 * DAY).certificates, NOW)
        return trust.holds_until(chain, NOW) - NOW

    current, ended = cast.crl(cast.issuing, ends=3), cast.crl(cast.issuing, ends=-1)
    to_come = cast.crl(cast.issuing, begins=2, ends=9)
    assert until(current) == 3 * DAY
    assert until(current, ended) == 3 * DAY
    assert until(current, to_come) == 2 * DAY


KINDS = ("issuers", "subjects", "names", "fingerprints")


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(KINDS), st.booleans()), st.booleans())
def test_whoever_is_let_in_is_what_every_setting_asks_for_and_is_not_denied(
    asked: dict[str, bool], is_denied: bool
) -> None:
    cast = shared()
    web_1, web_2 = (cast.identity(who) for who in ("web-1", "web-2"))
    own = ("CN=Contoso Issuing", "CN=web-1,O=Contoso", "web-1.nodes.test", fingerprint(web_1))
    other = ("CN=Guests", "CN=web-2,O=Contoso", "web-2.nodes.test", fingerprint(web_2))
    wanted = {
        kind: [(own if is_own else other)[KINDS.index(kind)]] for kind, is_own in asked.items()
    }
    denied = [fingerprint(web_1 if is_denied else web_2)]
    trust = trusting(cast, Allowed.parse(**wanted, denied=denied))
    judged = verdict(Case("web-1", "", lambda _: web_1, lambda _: trust), cast)
    assert (judged == "in") is (all(asked.values()) and not is_denied)


def test_every_fault_is_one_that_names_alone_would_let_in(cast: Cast) -> None:
    wanted = DistinguishedName.parse("CN=web-1,O=Contoso")
    copied = [
        name
        for name, fault in FAULTS.items()
        if (shown := fault.make(cast).certificates)
        and DistinguishedName.of(shown[0].subject).is_same_as(wanted)
    ]
    assert len(copied) >= len(FAULTS) - 4
