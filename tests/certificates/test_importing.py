"""What is handed over is kept with a reason to believe it, or refused with one."""

from datetime import datetime, timedelta

import pytest
from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from hermetic.certificates.chain import Chain
from hermetic.certificates.credential import Credential
from hermetic.certificates.importing import Import, Known, Trust, Wanted, judge, judge_trust
from hermetic.certificates.keys import KeyKind, PrivateKey
from hermetic.certificates.names import ServerName
from hermetic.certificates.reading import Contents
from hermetic.certificates.roles import Role
from hermetic.errors import CertificateRejected
from tests.support import imports, mint
from tests.support.certificates import hierarchy, key_of
from tests.support.mint import DAY, NOW, Change, Minted, authority, leaf, revocation_list

OURS = hierarchy()
LEAF = OURS.issue("api.test")
ROOT, INTERMEDIATE = OURS.root_certificate, OURS.intermediate.chain.leaf
BELIEVED, NOBODY = Known(roots=(ROOT,)), Known()
API = Wanted(Role.API)
KEY = key_of(KeyKind.EC_P256, 100)
MINTED_ROOT = authority()


def handed(
    *certificates: x509.Certificate,
    key: PrivateKey | None = LEAF.key,
    lists: tuple[x509.CertificateRevocationList, ...] = (),
) -> Contents:
    return Contents(certificates, (key,) if key else (), (), lists)


def judged(
    contents: Contents, wanted: Wanted = API, known: Known = BELIEVED, at: datetime = OURS.now
) -> Import:
    return judge(contents, wanted, known, at=at)


def minted(change: Change, *, above: Minted = MINTED_ROOT, role: Role = Role.API) -> Import:
    """Return the judgement of a leaf that is made as *change* says, by a root that is believed."""
    contents = handed(leaf(above, change=change), key=KEY)
    return judged(contents, Wanted(role), Known(roots=(MINTED_ROOT.certificate,)), at=NOW)


def refused(contents: Contents, wanted: Wanted = API, known: Known = BELIEVED) -> str:
    with pytest.raises(CertificateRejected) as caught:
        judged(contents, wanted, known)
    return caught.value.code


def test_a_whole_chain_below_a_root_that_is_believed_has_no_warning() -> None:
    found = judged(handed(*LEAF.chain.certificates))
    assert (found.credential.chain, found.root) == (LEAF.chain, ROOT)
    assert found.warnings == found.left_out == ()


def test_what_is_missing_comes_from_what_is_known() -> None:
    known = Known(roots=(ROOT,), intermediates=(INTERMEDIATE,))
    assert judged(handed(LEAF.chain.leaf), known=known).credential.chain == LEAF.chain
    assert judged(handed(LEAF.chain.leaf, ROOT), known=known).credential.chain == LEAF.chain


def test_a_root_that_came_along_is_not_believed_by_that() -> None:
    found = judged(handed(*LEAF.chain.certificates, ROOT), known=NOBODY)
    assert (found.credential.chain, found.root) == (LEAF.chain, None)
    assert found.left_out == ()
    (warning,) = found.warnings
    assert "'CN=Test root" in warning
    assert "hermetic certificate trust FILE" in warning


def test_an_authority_that_came_along_and_has_no_part_in_it_is_left_out() -> None:
    other = imports.material().other.root_certificate
    found = judged(handed(*LEAF.chain.certificates, ROOT, other))
    assert (found.left_out, found.root, found.warnings) == ((other,), ROOT, ())


def test_a_chain_that_ends_in_nobody_known_says_whom_to_trust_or_add() -> None:
    (warning,) = judged(handed(LEAF.chain.leaf), known=NOBODY).warnings
    assert "'CN=Test intermediate" in warning
    assert "import it together with this" in warning


def test_where_an_issuer_may_be_had_is_told() -> None:
    access = x509.AuthorityInformationAccess(
        [
            x509.AccessDescription(
                AuthorityInformationAccessOID.CA_ISSUERS,
                x509.UniformResourceIdentifier("http://ca.test/root.crt"),
            )
        ]
    )
    contents = handed(leaf(MINTED_ROOT, change=Change(put=[(access, False)])), key=KEY)
    (warning,) = judged(contents, known=NOBODY, at=NOW).warnings
    assert "may be had from http://ca.test/root.crt" in warning


@pytest.mark.parametrize("names", [["api.test"], ["API.test", "api.test"]])
def test_the_names_that_are_asked_for_are_there(names: list[str]) -> None:
    wanted = Wanted(names=tuple(map(ServerName.parse, names)))
    assert judged(handed(*LEAF.chain.certificates), wanted).root == ROOT


def test_a_name_that_is_not_there_is_refused() -> None:
    wanted = Wanted(names=(ServerName.parse("api.test"), ServerName.parse("other.test")))
    assert refused(handed(*LEAF.chain.certificates), wanted) == "wrong-name"


def test_another_purpose_is_refused() -> None:
    client = OURS.issue("web.test", role=Role.AUTHENTICATION)
    contents = handed(*client.chain.certificates, key=client.key)
    assert refused(contents, Wanted(Role.COMPUTE)) == "wrong-purpose"
    assert judged(contents, Wanted(Role.AUTHENTICATION)).root == ROOT


@pytest.mark.parametrize(
    ("contents", "code"),
    [
        (handed(INTERMEDIATE, ROOT, key=None), "not-a-credential"),
        (handed(key=None, lists=(revocation_list(MINTED_ROOT),)), "not-a-credential"),
        (handed(LEAF.chain.leaf, key=None), "no-key"),
        (handed(), "no-certificate"),
        (handed(LEAF.chain.leaf, key=KEY), "key-mismatch"),
        (handed(ROOT, key=OURS.root.key), "wrong-purpose"),
    ],
)
def test_what_is_no_credential_is_refused(contents: Contents, code: str) -> None:
    assert refused(contents) == code


def test_a_self_signed_certificate_is_for_development_only() -> None:
    change = Change(leave_out=[x509.AuthorityKeyIdentifier], subject=mint.subject("dev.test"))
    own = leaf(Minted(leaf(MINTED_ROOT, change=change), KEY), change=change)
    contents = handed(own, key=KEY)
    with pytest.raises(CertificateRejected, match="say --development"):
        judged(contents, at=NOW)
    found = judged(contents, Wanted(for_development=True), at=NOW)
    assert found.root is None
    assert "self-signed" in found.warnings[0]


def test_an_end_that_has_come_is_refused_and_a_beginning_to_come_is_told() -> None:
    ended = handed(*OURS.issue("api.test", now=OURS.now - 2 * DAY, key=LEAF.key).chain.certificates)
    assert refused(ended) == "expired"
    early = OURS.issue("api.test", now=OURS.now + 2 * DAY, key=LEAF.key)
    found = judged(handed(*early.chain.certificates))
    assert found.root == ROOT
    assert f"not valid before {early.chain.not_before:%Y-%m-%d}" in found.warnings[0]


def test_an_issuer_that_has_expired_is_refused() -> None:
    expired = authority("Old", above=MINTED_ROOT, change=Change(not_after=NOW - DAY / 2))
    contents = handed(leaf(expired), expired.certificate, key=KEY)
    with pytest.raises(CertificateRejected, match="CN=Old"):
        judged(contents, known=Known(roots=(MINTED_ROOT.certificate,)), at=NOW)


NO_PURPOSE = Change(leave_out=[x509.ExtendedKeyUsage])


def test_what_only_strict_clients_mind_is_told_of_an_api_certificate() -> None:
    (warning,) = minted(NO_PURPOSE).warnings
    assert "Strict clients will refuse it" in warning
    assert "extended key usage" in warning


@pytest.mark.parametrize("role", [Role.COMPUTE, Role.AUTHENTICATION])
def test_our_own_nodes_are_strict(role: Role) -> None:
    with pytest.raises(CertificateRejected, match="extended key usage"):
        minted(NO_PURPOSE, role=role)


def test_what_every_client_minds_is_refused() -> None:
    named = x509.NameConstraints(None, [x509.DNSName("example.com")])
    above = authority("Narrow", above=MINTED_ROOT, change=Change(put=[(named, True)]))
    contents = handed(leaf(above), above.certificate, key=KEY)
    assert refused_at(contents) == "name-constraints"


def refused_at(contents: Contents) -> str:
    with pytest.raises(CertificateRejected) as caught:
        judged(contents, known=Known(roots=(MINTED_ROOT.certificate,)), at=NOW)
    return caught.value.code


def test_a_certificate_on_a_list_that_came_along_is_refused() -> None:
    one = leaf(MINTED_ROOT)
    other = leaf(MINTED_ROOT, change=Change(serial=7))
    known = Known(roots=(MINTED_ROOT.certificate,))
    lists = (revocation_list(MINTED_ROOT, one),)
    with pytest.raises(CertificateRejected, match="was revoked"):
        judged(handed(one, key=KEY, lists=lists), known=known, at=NOW)
    assert (
        judged(handed(other, key=KEY, lists=lists), known=known, at=NOW).revocation_lists == lists
    )


def test_a_list_that_is_kept_and_stale_is_told() -> None:
    stale = revocation_list(MINTED_ROOT, next_update=NOW - DAY / 2)
    known = Known((MINTED_ROOT.certificate,), (), (stale,))
    found = judged(handed(leaf(MINTED_ROOT), key=KEY), known=known, at=NOW)
    assert found.root == MINTED_ROOT.certificate
    assert "Whether it was revoked is not known" in found.warnings[0]


@pytest.mark.parametrize(
    ("lists", "code"),
    [
        ((revocation_list(MINTED_ROOT, next_update=NOW - DAY / 2),), "crl-expired"),
        ((revocation_list(authority("Stranger")),), "unknown-issuer"),
        ((revocation_list(authority(key=key_of(KeyKind.EC_P256, 3))),), "bad-crl"),
    ],
)
def test_a_list_that_does_not_count_is_refused(
    lists: tuple[x509.CertificateRevocationList, ...], code: str
) -> None:
    contents = handed(leaf(MINTED_ROOT), key=KEY, lists=lists)
    assert refused_at(contents) == code


def test_a_chosen_cross_sign_stays_though_a_shorter_way_is_known() -> None:
    material = imports.material()
    chain = (*material.leaf.chain.certificates, material.cross_signed)
    known = Known(roots=(material.root, material.other.root_certificate))
    found = judged(handed(*chain, key=material.key), known=known, at=material.ours.now)
    assert found.credential.chain.certificates == chain


def trusted(
    *certificates: x509.Certificate,
    known: Known = NOBODY,
    lists: tuple[x509.CertificateRevocationList, ...] = (),
) -> Trust:
    return judge_trust(handed(*certificates, key=None, lists=lists), known, at=NOW)


BETWEEN = authority("Between", above=MINTED_ROOT)


def test_roots_are_told_from_intermediates() -> None:
    found = trusted(BETWEEN.certificate, MINTED_ROOT.certificate)
    assert found.roots == (MINTED_ROOT.certificate,)
    assert found.intermediates == (BETWEEN.certificate,)
    assert found.warnings == ()


def test_an_intermediate_below_nobody_who_is_trusted_helps_nobody_yet() -> None:
    (warning,) = trusted(BETWEEN.certificate).warnings
    assert "'CN=Between' helps nobody yet" in warning
    assert "'CN=Root'" in warning
    known = Known(roots=(MINTED_ROOT.certificate,))
    assert trusted(BETWEEN.certificate, known=known).warnings == ()


def test_a_list_is_taken_from_an_authority_that_is_known() -> None:
    lists = (revocation_list(MINTED_ROOT),)
    assert trusted(MINTED_ROOT.certificate, lists=lists).revocation_lists == lists
    known = Known(roots=(MINTED_ROOT.certificate,))
    assert trusted(known=known, lists=lists).revocation_lists == lists


@pytest.mark.parametrize(
    ("contents", "code"),
    [
        (handed(leaf(MINTED_ROOT), key=None), "not-an-authority"),
        (handed(MINTED_ROOT.certificate, key=KEY), "private-key"),
        (handed(key=None), "no-certificate"),
        (handed(key=None, lists=(revocation_list(MINTED_ROOT),)), "unknown-issuer"),
        (
            handed(authority(change=Change(not_after=NOW - DAY / 2)).certificate, key=None),
            "expired",
        ),
        (
            handed(
                authority(
                    change=Change(
                        put=[(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)]
                    )
                ).certificate,
                key=None,
            ),
            "bad-extension",
        ),
    ],
)
def test_what_may_not_be_believed_is_refused(contents: Contents, code: str) -> None:
    with pytest.raises(CertificateRejected) as caught:
        judge_trust(contents, NOBODY, at=NOW)
    assert caught.value.code == code


def test_a_root_that_only_says_it_signed_itself_is_none() -> None:
    other = authority(key=key_of(KeyKind.EC_P256, 3))
    rolled = authority(above=other)  # the same name, another key
    found = trusted(rolled.certificate)
    assert (found.roots, found.intermediates) == ((), (rolled.certificate,))


def test_a_credential_of_a_chain_alone_keeps_its_key_to_itself() -> None:
    found = judged(handed(*LEAF.chain.certificates))
    assert "PRIVATE" not in repr(found)
    assert found.credential == Credential(Chain(LEAF.chain.certificates), LEAF.key)


def test_the_moment_is_taken_in_whole_seconds() -> None:
    until = LEAF.chain.not_after
    contents = handed(*LEAF.chain.certificates)
    assert judged(contents, at=until + timedelta(milliseconds=500)).root == ROOT
    with pytest.raises(CertificateRejected, match="expired"):
        judged(contents, at=until + timedelta(seconds=1))
