from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import permutations, zip_longest

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given
from hypothesis import strategies as st

from hermetic.certificates.chain import Chain
from hermetic.certificates.credential import Credential
from hermetic.certificates.keys import KeyKind, PrivateKey
from hermetic.certificates.names import DistinguishedName
from hermetic.certificates.roles import Role
from hermetic.certificates.selection import (
    Candidate,
    Choice,
    StoreLocation,
    StoreName,
    choose,
    normalised_thumbprint,
    thumbprints,
)
from hermetic.errors import BadInput, CertificateRejected
from tests.support.certificates import key_of
from tests.support.mint import DAY, NOW, Change, authority, leaf

ABOVE = authority()
SHA1, SHA256 = "0123456789abcdef0123456789abcdef01234567", "0123456789abcdef" * 4
CLIENTS = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False)


def credential(
    subject: str = "CN=host",
    *,
    days: tuple[int, int] = (-1, 1),
    key: PrivateKey | None = None,
    purpose: tuple[x509.ExtensionType, bool] | None = None,
) -> Credential:
    """Return a credential with that subject, valid from and to these days from now."""
    key = key or key_of(KeyKind.EC_P256, 7)
    change = Change(
        put=[purpose] if purpose else (),
        not_before=NOW + days[0] * DAY,
        not_after=NOW + days[1] * DAY,
        subject=x509.Name.from_rfc4514_string(subject),
    )
    return Credential(Chain((leaf(ABOVE, key=key, change=change),)), key)


def pick(
    *candidates: Candidate, subject: str = "", thumbprint: str = "", role: Role = Role.API
) -> Credential:
    choice = Choice.parse(
        location="LocalMachine", store="My", subject=subject, thumbprint=thumbprint
    )
    return choose(candidates, choice, role=role, at=NOW)


def refused(*candidates: Candidate, subject: str = "", thumbprint: str = "") -> CertificateRejected:
    with pytest.raises(CertificateRejected) as caught:
        pick(*candidates, subject=subject, thumbprint=thumbprint)
    return caught.value


HOST, OTHER = credential(), credential("CN=other,O=Contoso")


@pytest.mark.parametrize(
    ("subject", "wanted"),
    [
        ("CN=host", HOST),
        ("cn = HOST ", HOST),
        ("CN=other,O=Contoso", OTHER),
        ("O=contoso; CN=other", OTHER),
        ("CN=other", OTHER),
    ],
)
def test_a_subject_is_found_however_it_is_written(subject: str, wanted: Credential) -> None:
    assert pick(HOST, OTHER, subject=subject) is wanted


@pytest.mark.parametrize(
    "subject", ["CN=hos", "O=Contoso", "CN=other,O=Other", "CN=host,O=Contoso", "O=host"]
)
def test_a_part_of_a_subject_other_than_its_common_name_is_no_match(subject: str) -> None:
    assert refused(HOST, OTHER, subject=subject).code == "no-match"


def test_a_common_name_among_several_means_none_of_them() -> None:
    two = credential("CN=host,CN=Computers,DC=contoso")
    assert refused(two, subject="CN=host").code == "no-match"
    assert pick(two, subject="CN=host,CN=Computers,DC=contoso") is two


@pytest.mark.parametrize("which", [0, 1])
def test_either_thumbprint_finds_its_certificate(which: int) -> None:
    wanted = thumbprints(OTHER.chain.leaf)[which]
    assert pick(HOST, OTHER, thumbprint=wanted.upper()) is OTHER


def test_subject_and_thumbprint_must_both_hold() -> None:
    thumbprint = thumbprints(HOST.chain.leaf)[0]
    assert pick(HOST, OTHER, subject="CN=host", thumbprint=thumbprint) is HOST
    assert refused(HOST, OTHER, subject="CN=other", thumbprint=thumbprint).code == "no-match"


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_of_several_the_newest_that_is_valid_and_for_the_role_is_taken(
    order: Sequence[int],
) -> None:
    wanted = credential(days=(-2, 3))
    several = [
        wanted,
        credential(days=(-9, 9)),
        credential(days=(1, 9)),
        credential(days=(-1, 9), purpose=CLIENTS),
    ]
    assert pick(*(several[place] for place in order), subject="CN=host") is wanted


def test_a_renewal_with_a_longer_subject_is_taken_in_place_of_the_old_one() -> None:
    renewed = credential("CN=host,O=Contoso", days=(0, 9))
    assert pick(HOST, renewed, subject="CN=host") is renewed


def test_two_as_new_for_the_same_key_are_no_riddle() -> None:
    twins = (credential(), credential())
    assert pick(*twins, subject="CN=host") is pick(*reversed(twins), subject="CN=host")


def test_two_as_new_for_different_keys_are_listed() -> None:
    other = credential(key=key_of(KeyKind.EC_P256, 8))
    error = refused(HOST, other, subject="CN=host")
    assert error.code == "ambiguous"
    for one in (HOST, other):
        assert all(thumbprint in error.text for thumbprint in thumbprints(one.chain.leaf))
    assert "2026-05-31 to 2026-06-02" in error.text
    assert "serverAuth and clientAuth" in error.text
    assert "set Thumbprint" in error.text
    wanted = thumbprints(other.chain.leaf)[0]
    assert pick(HOST, other, subject="CN=host", thumbprint=wanted) is other


@pytest.mark.parametrize(
    ("candidate", "code", "told"),
    [
        (HOST.chain.leaf, "no-key", "hermetic certificate import CERTIFICATE KEY"),
        (credential(days=(-9, -1)), "expired", "expired on 2026-05-31"),
        (credential(days=(1, 9)), "not-yet-valid", "valid from 2026-06-02"),
        (credential(purpose=CLIENTS), "wrong-purpose", "lacks serverAuth"),
    ],
)
def test_a_match_that_cannot_be_used_says_why(candidate: Candidate, code: str, told: str) -> None:
    error = refused(candidate, OTHER, subject="CN=host")
    assert error.code == code
    assert told in error.text
    assert pick(candidate, HOST, subject="CN=host") is HOST


def test_of_several_that_cannot_be_used_the_newest_says_why() -> None:
    older, newer = credential(days=(-9, -4)), credential(days=(-8, -2))
    assert "2026-05-30" in refused(older, newer, subject="CN=host").text


def test_where_nothing_matches_what_is_there_and_the_way_in_are_told() -> None:
    error = refused(HOST, OTHER.chain.leaf, subject="CN=nobody")
    assert "'CN=host', SHA-1" in error.text
    assert "'CN=other,O=Contoso'" in error.text
    assert ", without a key" in error.text
    assert "`hermetic certificate import FILE`" in error.text


def test_an_empty_store_is_told_with_its_own_import() -> None:
    choice = Choice.parse(location="CurrentUser", store="Root", subject="CN=host")
    with pytest.raises(CertificateRejected) as caught:
        choose([], choice, role=Role.API, at=NOW)
    assert "Root at CurrentUser" in caught.value.text
    assert "there is none at all" in caught.value.text
    assert "import --store-name Root --store-location CurrentUser FILE`" in caught.value.text


def test_naming_nothing_is_refused_even_where_there_is_only_one() -> None:
    assert refused(HOST).code == "nothing-named"
    assert "'CN=host'" in refused(HOST).text


def test_of_many_only_some_are_listed() -> None:
    error = refused(*[HOST] * 13, subject="CN=nobody")
    assert "3 more" in error.text
    assert error.text.count("SHA-256") == 10


def test_one_without_a_subject_is_listed_by_its_names() -> None:
    change = Change(subject=x509.Name([]))
    nameless = leaf(ABOVE, "a.example.com", change=change)
    assert "without a subject for a.example.com" in refused(nameless, subject="CN=a").text


@pytest.mark.parametrize("digits", [SHA1, SHA256])
@pytest.mark.parametrize(
    "write",
    [
        str.upper,
        lambda digits: "\u200e" + digits,
        lambda digits: ":".join(digits[at : at + 2] for at in range(0, len(digits), 2)),
        lambda digits: " ".join(digits[at : at + 2] for at in range(0, len(digits), 2)) + "\r\n",
        lambda digits: "\ufeff\u202a" + digits + "\u202c\u200f\u00ad\u00a0",
    ],
)
def test_a_thumbprint_is_read_however_it_was_copied(
    digits: str, write: Callable[[str], str]
) -> None:
    assert normalised_thumbprint(write(digits)) == digits


@pytest.mark.parametrize(
    "text", ["", " ", SHA1[:-1], SHA1 + "0", SHA256[:-2], "g" + SHA1[1:], "CN=host", "\uff10" * 40]
)
def test_anything_else_is_told_what_a_thumbprint_looks_like(text: str) -> None:
    with pytest.raises(BadInput, match="40 hexadecimal digits of SHA-1"):
        normalised_thumbprint(text)


@given(st.binary(min_size=20, max_size=20), st.lists(st.sampled_from(" :\t\u200e\u202a\xa0")))
def test_what_is_invisible_never_changes_a_thumbprint(digest: bytes, noise: list[str]) -> None:
    digits = digest.hex().upper()
    text = "".join(a + b for a, b in zip_longest(digits, noise, fillvalue=""))
    assert normalised_thumbprint(text) == digest.hex()


def test_thumbprints_are_those_of_every_other_tool() -> None:
    certificate = HOST.chain.leaf
    assert thumbprints(certificate) == (
        certificate.fingerprint(hashes.SHA1()).hex(),
        HOST.chain.sha256,
    )


@pytest.mark.parametrize(
    ("text", "name"),
    [("my", StoreName.MY), ("ROOT", StoreName.ROOT), ("CA", StoreName.CERTIFICATE_AUTHORITY)],
)
def test_a_store_is_known_in_any_case(text: str, name: StoreName) -> None:
    assert StoreName.parse(text) is name


def test_other_stores_and_places_are_refused_with_those_there_are() -> None:
    with pytest.raises(BadInput, match="My or Root or CertificateAuthority"):
        StoreName.parse("Personal")
    with pytest.raises(BadInput, match="LocalMachine or CurrentUser"):
        StoreLocation.parse("Machine")


def test_settings_are_parsed_into_a_choice() -> None:
    choice = Choice.parse(
        location="currentuser", store="my", subject=" CN=host ", thumbprint=f"\u200e{SHA1}"
    )
    name = DistinguishedName.of(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "host")]))
    assert choice == Choice(StoreLocation.CURRENT_USER, StoreName.MY, name, SHA1)
    assert Choice.parse(location="LocalMachine", store="My", thumbprint="\u200e") == Choice()


def test_times_are_compared_in_whole_seconds() -> None:
    ends = credential(days=(-1, 0))
    choice = Choice(subject=DistinguishedName.parse("CN=host"))
    within, after = timedelta(milliseconds=900), timedelta(seconds=1)
    assert choose([ends], choice, role=Role.API, at=NOW + within) is ends
    with pytest.raises(CertificateRejected, match="expired"):
        choose([ends], choice, role=Role.API, at=NOW + after)
