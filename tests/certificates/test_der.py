import time
from collections.abc import Callable
from functools import partial

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from hermetic.certificates import der, signing
from hermetic.certificates.der import Shape
from hermetic.certificates.keys import encode_public
from hermetic.errors import CertificateRejected
from tests.support import imports
from tests.support.imports import code_of
from tests.support.mint import authority, revocation_list


def _sequence(content: bytes) -> bytes:
    return b"\x30\x83" + len(content).to_bytes(3, "big") + content


def _key(form: PrivateFormat, passphrase: bytes | None = None) -> bytes:
    return imports.key_in(imports.material().key, form, Encoding.DER, passphrase)


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda: imports.der(imports.material().certificate), Shape.CERTIFICATE),
        (
            lambda: imports.der(signing.request(imports.material().key, names=["a.example"])),
            Shape.REQUEST,
        ),
        (lambda: imports.der(revocation_list(authority())), Shape.REVOCATION_LIST),
        (lambda: _key(PrivateFormat.PKCS8), Shape.KEY),
        (lambda: _key(PrivateFormat.TraditionalOpenSSL), Shape.KEY),
        (lambda: _key(PrivateFormat.PKCS8, b"secret"), Shape.ENCRYPTED_KEY),
        (lambda: encode_public(imports.material().key.public_key()), Shape.PUBLIC_KEY),
        (lambda: imports.p7([imports.material().certificate]), Shape.PKCS7),
        (lambda: imports.p12(imports.material().leaf), Shape.PKCS12),
        (lambda: b"\x30\x00", Shape.OTHER),
    ],
)
def test_what_a_piece_is_is_told_by_its_tags(make: Callable[[], bytes], shape: Shape) -> None:
    data = make()
    assert der.is_der(data)
    assert der.shape_of(data) is shape


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "truncated"),
        (b"\x30", "truncated"),
        (b"\x30\x05\x01", "truncated"),
        (b"\x30\x82\x01", "truncated"),
        (b"\x30\x80\x00\x00", "unsupported-encoding"),
        (b"\x30\x89" + b"\x01" * 20, "malformed"),
    ],
)
def test_an_element_that_is_not_whole_is_refused(data: bytes, code: str) -> None:
    with pytest.raises(CertificateRejected) as caught:
        der.first(data)
    assert caught.value.code == code


def test_elements_are_yielded_one_after_the_other() -> None:
    found = list(der.elements(b"\x02\x01\x07\x04\x02ab"))
    assert [(one.tag, one.content) for one in found] == [(2, b"\x07"), (4, b"ab")]


@pytest.mark.parametrize("data", [b"", b"0", b"-----BEGIN", b"0x30 is a tag", b"\x30\xff"])
def test_text_is_not_taken_for_der(data: bytes) -> None:
    assert not der.is_der(data[:2]) or data.startswith(b"0x")


@pytest.mark.parametrize("rounds", [2048, 600_000])
def test_an_encryption_as_tools_write_it_is_not_too_costly(rounds: int) -> None:
    counted = _sequence(b"\x04\x02ab" + b"\x02\x03" + rounds.to_bytes(3, "big"))
    der.check_cost(counted)


@pytest.mark.parametrize(
    "counts",
    [
        b"\x02\x04\x7f\xff\xff\xff",
        b"\x02\x09\x00\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x02\x03\x10\x00\x00\x02\x01\x08\x02\x01\x01",
    ],
    ids=["PBKDF2", "a count beyond 64 bits", "scrypt"],
)
def test_an_encryption_that_takes_minutes_is_refused_before_it_is_tried(counts: bytes) -> None:
    with pytest.raises(CertificateRejected) as caught:
        der.check_cost(_sequence(_sequence(b"\x04\x02ab" + counts)))
    assert caught.value.code == "too-costly"


def test_many_costly_pieces_add_up() -> None:
    piece = _sequence(b"\x04\x02ab\x02\x03\x0f\xff\xff")
    der.check_cost(_sequence(piece))
    with pytest.raises(CertificateRejected, match="rounds"):
        der.check_cost(_sequence(piece * 3))


def test_deep_nesting_ends_in_a_refusal() -> None:
    data = b""
    for _ in range(200):
        data = _sequence(data)
    with pytest.raises(CertificateRejected, match="nested"):
        der.check_cost(data)


@pytest.mark.slow
def test_a_third_of_a_megabyte_of_crumbs_takes_time_in_proportion() -> None:
    started = time.process_time()
    der.check_cost(_sequence(b"\x02\x00" * 160_000))
    assert time.process_time() - started < 3  # 0.2 s; copying the rest for each took 20 s


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_a_refusal(data: bytes) -> None:
    for look in (der.first, der.shape_of, der.check_cost):
        code = code_of(partial(look, data))
        assert code in {None, "truncated", "malformed", "unsupported-encoding"}
