import shutil
import ssl
import subprocess
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from hermetic.certificates import signing
from hermetic.certificates.chain import Chain
from hermetic.certificates.credential import Credential
from hermetic.certificates.keys import KeyKind, PublicKey, generate, kind_of
from hermetic.certificates.roles import Role
from hermetic.certificates.verification import verify
from tests.support.certificates import DAY, Hierarchy, hierarchy, key_of
from tests.support.imports import code_of, material

_NOW = material().ours.now.replace(microsecond=0)
_MINUTES = signing.BACKDATE


def _leaf(
    issuer: Credential | None = None,
    *names: str,
    role: Role = Role.API,
    now: datetime = _NOW,
    life: timedelta = DAY,
    public_key: PublicKey | None = None,
) -> Chain:
    return signing.leaf(
        issuer or material().ours.intermediate,
        public_key or key_of(KeyKind.EC_P256).public_key(),
        names=names or ("api.example",),
        role=role,
        now=now,
        life=life,
    )


def _extension(
    certificate: x509.Certificate, kind: type[x509.ExtensionType]
) -> tuple[object, bool]:
    found = certificate.extensions.get_extension_for_class(kind)
    return found.value, found.critical


@pytest.mark.parametrize(
    "kind", [KeyKind.RSA_2048, KeyKind.EC_P256, KeyKind.EC_P384, KeyKind.ED25519]
)
@pytest.mark.parametrize("role", [Role.API, Role.AUTHENTICATION])
def test_openssl_takes_what_we_sign_in_its_strict_mode(
    kind: KeyKind, role: Role, tmp_path: Path
) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    ours = hierarchy(kind=kind)
    chain = ours.issue("api.example", "10.0.0.1", role=role, key=key_of(kind)).chain
    (tmp_path / "ca.pem").write_bytes(ours.root_pem)
    (tmp_path / "chain.pem").write_bytes(chain.pem)
    purpose = "sslclient" if role is Role.AUTHENTICATION else "sslserver"
    line = ["openssl", "verify", "-x509_strict", "-check_ss_sig", "-purpose", purpose]
    names = ["-verify_hostname", "api.example", "-CAfile", "ca.pem"]
    done = subprocess.run(
        [*line, *names, "-untrusted", "chain.pem", "chain.pem"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def test_a_strict_client_of_python_shakes_hands_with_what_we_sign(tmp_path: Path) -> None:
    leaf = material().ours.issue("localhost", "::1")
    (tmp_path / "both.pem").write_bytes(leaf.key_pem + leaf.chain_pem)
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(tmp_path / "both.pem")
    asking = ssl.create_default_context(cadata=material().ours.root_pem.decode())
    asking.verify_flags |= ssl.VERIFY_X509_STRICT
    assert _handshake(served, asking, "localhost") == "TLSv1.3"
    assert _handshake(served, asking, "::1") == "TLSv1.3"
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        _handshake(served, asking, "other.example")


@pytest.mark.parametrize("role", Role)
def test_our_own_verification_believes_what_we_sign(role: Role) -> None:
    ours = material().ours
    certificates = ours.issue("api.example", role=role).chain.certificates
    roots = [ours.root_certificate]
    chain = verify(certificates, roots=roots, at=ours.now, name="api.example", purpose=role)
    assert chain.certificates == (*certificates, ours.root_certificate)


def _handshake(served: ssl.SSLContext, asking: ssl.SSLContext, name: str) -> str | None:
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = asking.wrap_bio(back, there, server_hostname=name)
    server = served.wrap_bio(there, back, server_side=True)
    for _ in range(3):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return client.version()


def test_a_root_has_the_profile_of_a_root() -> None:
    certificate = material().root
    assert _extension(certificate, x509.BasicConstraints) == (
        x509.BasicConstraints(ca=True, path_length=None),
        True,
    )
    usage, critical = _extension(certificate, x509.KeyUsage)
    assert isinstance(usage, x509.KeyUsage)
    assert (usage.key_cert_sign, usage.crl_sign, usage.digital_signature) == (True, True, False)
    assert critical
    assert certificate.subject.rfc4514_string() == "CN=Ours root,O=Hermetic"
    assert certificate.issuer == certificate.subject


def test_an_intermediate_may_sign_leaves_only() -> None:
    certificate = material().intermediate
    assert _extension(certificate, x509.BasicConstraints) == (
        x509.BasicConstraints(ca=True, path_length=0),
        True,
    )
    assert certificate.issuer == material().root.subject
    below = material().ours.intermediate
    again = partial(signing.intermediate, below, generate(), name="x", now=_NOW, life=DAY)
    assert code_of(again) == "path-too-long"


@pytest.mark.parametrize(
    ("role", "purpose"),
    [
        (Role.API, ExtendedKeyUsageOID.SERVER_AUTH),
        (Role.COMPUTE, ExtendedKeyUsageOID.SERVER_AUTH),
        (Role.AUTHENTICATION, ExtendedKeyUsageOID.CLIENT_AUTH),
    ],
)
def test_a_leaf_has_the_profile_of_its_role(role: Role, purpose: x509.ObjectIdentifier) -> None:
    certificate = _leaf(role=role).leaf
    assert _extension(certificate, x509.ExtendedKeyUsage) == (
        x509.ExtendedKeyUsage([purpose]),
        False,
    )
    assert _extension(certificate, x509.BasicConstraints) == (
        x509.BasicConstraints(ca=False, path_length=None),
        True,
    )
    usage, critical = _extension(certificate, x509.KeyUsage)
    assert isinstance(usage, x509.KeyUsage)
    assert (usage.digital_signature, usage.key_encipherment, critical) == (True, False, True)


def test_identifiers_lead_from_the_leaf_to_its_issuer() -> None:
    leaf, intermediate = _leaf().certificates
    points = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    has = intermediate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert points.key_identifier == has.digest


def test_names_of_every_kind_are_written_as_certificates_write_them() -> None:
    names = ("bücher.example", "*.a.example", "10.1.2.3", "2001:DB8::1", "API.example")
    expected = ("xn--bcher-kva.example", "*.a.example", "10.1.2.3", "2001:db8::1", "api.example")
    assert _leaf(None, *names).names == expected


@settings(deadline=None, max_examples=50)
@given(
    st.lists(
        st.sampled_from(["a.example", "b.example", "10.0.0.1", f"{'x' * 60}.example"]), min_size=1
    )
)
def test_the_common_name_is_one_of_the_names_or_absent(names: list[str]) -> None:
    chain = _leaf(None, *names)
    common = chain.leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert {name.value for name in common} <= set(chain.names)
    assert len(common) == (len(names[0]) <= 64)
    _, critical = _extension(chain.leaf, x509.SubjectAlternativeName)
    assert critical is (not common)
    assert chain.names == tuple(dict.fromkeys(names))


@pytest.mark.parametrize(
    ("names", "code"),
    [
        (("*.example",), "bad-name"),
        (("a b",), "bad-name"),
        (("",), "bad-name"),
        (("a.example", "127.1"), "bad-name"),
        (tuple(f"{number}.example" for number in range(101)), "too-large"),
    ],
)
def test_names_that_name_nothing_are_not_signed(names: tuple[str, ...], code: str) -> None:
    assert code_of(lambda: _leaf(None, *names)) == code


def test_a_certificate_without_names_is_not_signed() -> None:
    issuer, key = material().ours.intermediate, generate().public_key()
    signed = partial(signing.leaf, issuer, key, names=[], role=Role.API, now=_NOW, life=DAY)
    assert code_of(signed) == "no-san"


def test_serial_numbers_are_positive_long_and_never_the_same() -> None:
    serials = {_leaf().serial for _ in range(20)}
    assert len(serials) == 20
    assert all(2**64 < serial < 2**159 for serial in serials)


def test_a_leaf_lives_from_shortly_before_now_for_the_life_it_was_given() -> None:
    chain = _leaf(life=DAY)
    assert (chain.not_before, chain.not_after) == (_NOW - _MINUTES, _NOW + DAY)


def test_a_short_life_is_backdated_by_less() -> None:
    chain = _leaf(life=timedelta(minutes=12))
    assert chain.not_before == _NOW - timedelta(minutes=1)


@pytest.mark.parametrize("life", [3651 * DAY, 36500 * DAY])
def test_nobody_outlives_its_issuer(life: timedelta) -> None:
    ours = material().ours
    assert _leaf(life=life).not_after == ours.intermediate.chain.not_after
    below = signing.intermediate(ours.root, generate(), name="x", now=_NOW, life=life)
    assert below.chain.not_after == ours.root.chain.not_after


def test_nobody_begins_before_its_issuer() -> None:
    young = hierarchy(_NOW + 365 * DAY)
    assert _leaf(young.intermediate).not_before == young.intermediate.chain.not_before


def _sign_at(ours: Hierarchy, now: datetime) -> str | None:
    return code_of(lambda: _leaf(ours.intermediate, now=now))


def test_an_issuer_signs_only_while_it_is_valid() -> None:
    ours = hierarchy(_NOW, life=730 * DAY)
    assert _sign_at(ours, _NOW) is None
    assert _sign_at(ours, _NOW + 366 * DAY) == "expired"
    assert _sign_at(ours, _NOW - 366 * DAY) == "not-yet-valid"


def test_an_intermediate_does_not_sign_once_its_root_has_expired() -> None:
    root = signing.root(generate(), name="short", now=_NOW, life=DAY)
    lower = signing.intermediate(root, generate(), name="lower", now=_NOW, life=DAY)
    both = Credential(Chain((*lower.chain.certificates, *root.chain.certificates)), lower.key)
    assert code_of(lambda: _leaf(both)) is None
    assert code_of(lambda: _leaf(both, now=_NOW + 2 * DAY)) == "expired"


@pytest.mark.parametrize("life", [timedelta(), -DAY])
def test_a_certificate_without_any_life_is_not_signed(life: timedelta) -> None:
    assert code_of(lambda: _leaf(life=life)) == "expired"


def test_only_an_authority_with_its_own_key_signs() -> None:
    leaf, ours = material().leaf, material().ours
    assert code_of(lambda: _leaf(leaf)) == "not-an-authority"
    assert code_of(lambda: _leaf(Credential(ours.intermediate.chain, generate()))) == "key-mismatch"


def test_the_chain_of_a_leaf_holds_no_root() -> None:
    assert _leaf().issuers == (material().intermediate,)
    assert _leaf(material().ours.root).issuers == ()


@pytest.mark.parametrize("name", ["", "x" * 65])
def test_an_authority_needs_a_name_that_fits(name: str) -> None:
    made = partial(signing.root, generate(), name=name, now=_NOW, life=DAY)
    assert code_of(made) == "bad-name"


def test_a_request_asks_for_its_names() -> None:
    wanted = signing.request(generate(), names=["a.example", "10.0.0.1"], common_name="a.example")
    assert wanted.is_signature_valid
    assert wanted.subject.rfc4514_string() == "CN=a.example"
    bare = signing.request(generate(KeyKind.ED25519), names=["a.example"])
    assert not list(bare.subject)
    assert bare.is_signature_valid


def test_a_request_does_not_ask_for_a_common_name_that_is_none_of_its_names() -> None:
    asked = partial(signing.request, generate(), names=["a.example"], common_name="b.example")
    assert code_of(asked) == "bad-name"


def test_a_self_signed_certificate_is_no_authority() -> None:
    made = signing.self_signed(key_of(KeyKind.RSA_2048), name="tokens", now=_NOW, life=DAY)
    certificate = made.chain.leaf
    certificate.verify_directly_issued_by(certificate)
    assert kind_of(certificate.public_key()) is KeyKind.RSA_2048
    assert code_of(lambda: _leaf(made)) == "not-an-authority"
