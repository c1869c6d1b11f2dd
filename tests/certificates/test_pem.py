import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from hermetic.certificates import pem
from hermetic.errors import CertificateRejected
from tests.support import imports
from tests.support.imports import code_of

_TEXT = b"-----BEGIN THING-----\nAAECAw==\n-----END THING-----\n"


def _data(text: bytes) -> list[tuple[str, bytes]]:
    return [(block.label, block.data) for block in pem.blocks(pem.decoded(text))]


@pytest.mark.parametrize(
    "text",
    [
        _TEXT,
        _TEXT.replace(b"\n", b"\r\n"),
        _TEXT.replace(b"\n", b"\r"),
        _TEXT.replace(b"\n", b"\n    "),
        b"\xef\xbb\xbf" + _TEXT,
        _TEXT.decode().encode("utf-16"),
        b"Bag Attributes\n  friendlyName: x\n" + _TEXT + b"good bye\n",
        b"-----BEGIN THING-----AAECAw==-----END THING-----",
        b"-----BEGIN THING-----\nAA\nEC\n\nAw\n==\n-----END THING-----",
    ],
    ids=["plain", "CRLF", "CR", "indented", "BOM", "UTF-16", "text around", "one line", "ragged"],
)
def test_a_block_is_found_however_the_text_was_handled(text: bytes) -> None:
    assert _data(text) == [("THING", b"\x00\x01\x02\x03")]


def test_blocks_come_in_their_order() -> None:
    text = _TEXT + _TEXT.replace(b"THING", b"OTHER")
    assert [label for label, _ in _data(text)] == ["THING", "OTHER"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (_TEXT[:-12], "truncated"),
        (_TEXT[:30] + _TEXT, "truncated"),
        (_TEXT.replace(b"END THING", b"END OTHER"), "truncated"),
        (b"-----BEGIN THING-----\n-----END THING-----", "truncated"),
        (_TEXT.replace(b"AAEC", b"AA*C"), "malformed"),
        (_TEXT.replace(b"==", b""), "malformed"),
    ],
    ids=["no end", "begins twice", "other end", "nothing inside", "no base64", "no padding"],
)
def test_a_damaged_block_is_refused_with_its_reason(text: bytes, code: str) -> None:
    with pytest.raises(CertificateRejected) as caught:
        _data(text)
    assert caught.value.code == code


def test_the_headers_of_an_old_encrypted_key_are_kept() -> None:
    text = _TEXT.replace(b"\nAA", b"\nProc-Type: 4,ENCRYPTED\r\nDEK-Info: AES-128-CBC,00\r\n\r\nAA")
    (block,) = pem.blocks(text)
    assert block.is_encrypted
    assert block.headers == b"Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n"
    assert block.text.startswith(b"-----BEGIN THING-----\nProc-Type: 4,ENCRYPTED\nDEK")
    assert b"00\n\nAAEC" in block.text


def test_a_block_written_anew_is_one_strict_parsers_take() -> None:
    (block,) = pem.blocks(imports.pem(imports.material().certificate).replace(b"\n", b"\r\n\r\n"))
    assert x509.load_pem_x509_certificate(block.text) == imports.material().certificate


def test_a_block_does_not_show_what_it_holds() -> None:
    (block,) = pem.blocks(_TEXT)
    assert "AAEC" not in repr(block)
    assert repr(block.data) not in repr(block)


@given(st.binary(max_size=300))
def test_what_was_written_is_read_again(data: bytes) -> None:
    block = pem.Block("THING", data + b"\x00")
    assert list(pem.blocks(block.text)) == [block]


@given(st.lists(st.sampled_from([b"-----BEGIN A-----", b"-----END A-----", b"\n", b"AA==", b"x:"])))
def test_no_text_raises_anything_but_a_refusal(pieces: list[bytes]) -> None:
    assert code_of(lambda: _data(b"".join(pieces))) in {None, "truncated", "malformed"}
