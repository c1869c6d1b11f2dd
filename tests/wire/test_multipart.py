"""A file inside a form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermetic.errors import MalformedBody
from hermetic.wire.multipart import FormFile

TYPE = "multipart/form-data; boundary=B"
HEAD = b'--B\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
TAIL = b"\r\n--B--\r\n"


def taken(form: FormFile, data: bytes, size: int) -> bytes:
    """Feed *data* in pieces of *size* and return what the file is."""
    content = b"".join(form.feed(data[at : at + size]) for at in range(0, len(data), size))
    form.end()
    return content


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize(
    "content", [b"", b"a", b"\r\n", b"\r\n--", b"--B", b"\r\n--C\r\n--", b"a" * 99]
)
def test_the_file_is_what_stands_between_the_delimiters(content: bytes, size: int) -> None:
    form = FormFile(TYPE)
    assert taken(form, HEAD + content + TAIL, size) == content
    assert form.name == "a.csv"


@given(
    content=st.binary().filter(lambda one: b"\r\n--B" not in b"\r\n" + one + b"\r\n--"),
    size=st.integers(1, 50),
)
def test_any_content_comes_back_however_it_arrives(content: bytes, size: int) -> None:
    assert taken(FormFile(TYPE), HEAD + content + TAIL, size) == content


@pytest.mark.parametrize("size", [1, 5, 1000])
def test_parts_that_are_no_files_are_skipped(size: int) -> None:
    field = b'--B\r\nContent-Disposition: form-data; name="note"\r\n\r\nhello\r\n'
    assert taken(FormFile(TYPE), b"preamble\r\n" + field + HEAD + b"x" + TAIL, size) == b"x"
    empty = b'--B\r\nContent-Disposition: form-data; name="note"\r\n\r\n\r\n'
    assert taken(FormFile(TYPE), empty + HEAD + b"x" + TAIL, size) == b"x"


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('form-data; filename="wein ü.csv"', "wein ü.csv"),
        ("form-data; filename*=UTF-8''wein%20%C3%BC.csv", "wein ü.csv"),
        ("form-data; filename=plain", "plain"),
        ('form-data; filename="../up"', "../up"),
    ],
)
def test_the_name_is_read_as_it_was_written(disposition: str, name: str) -> None:
    form = FormFile(TYPE)
    form.feed(f"--B\r\ncontent-disposition: {disposition}\r\n\r\n".encode())
    assert form.name == name


@pytest.mark.parametrize(
    "content_type", ["", "application/json", "multipart/form-data", "multipart/mixed; boundary=B"]
)
def test_what_is_no_form_is_refused(content_type: str) -> None:
    with pytest.raises(MalformedBody):
        FormFile(content_type)


@pytest.mark.parametrize(
    "data", [b"", b"--B", HEAD, HEAD + b"half", b"--B\r\nContent-Disp", b"x" * 99]
)
def test_half_a_form_is_refused_at_its_end(data: bytes) -> None:
    form = FormFile(TYPE)
    form.feed(data)
    with pytest.raises(MalformedBody):
        form.end()


def test_a_form_without_a_file_is_refused() -> None:
    with pytest.raises(MalformedBody):
        FormFile(TYPE).feed(b"--B--\r\n")


def test_a_header_that_does_not_end_is_refused() -> None:
    form = FormFile(TYPE)
    with pytest.raises(MalformedBody):
        form.feed(b"--B\r\nX: " + b"a" * 20_000)


def test_what_follows_the_file_is_ignored() -> None:
    form = FormFile(TYPE)
    assert form.feed(HEAD + b"x" + TAIL + b"epilogue") == b"x"
    assert form.feed(b"more") == b""
    assert form.is_complete
