"""What is kept of console output."""

import sys

import pytest

from hermetic.compute.capture import Capture


def test_what_is_printed_is_kept_in_order() -> None:
    capture = Capture(100)
    print("a", 1, file=capture)
    capture.write("b")
    assert capture.take() == "a 1\nb"
    assert capture.take() == ""


def test_what_exceeds_the_bound_is_counted() -> None:
    capture = Capture(4)
    assert capture.write("abcdef") == 6
    capture.write("gh")
    assert capture.take() == "abcd\n[4 more characters were not kept]\n"
    capture.write("ij")
    assert capture.take() == "ij"


def test_as_much_as_the_bound_is_kept_whole() -> None:
    capture = Capture(4)
    capture.write("abcd")
    assert capture.take() == "abcd"


def test_many_small_writes_are_kept() -> None:
    capture = Capture(1 << 20)
    for _ in range(25_000):
        capture.write("x")
    assert capture.take() == "x" * 25_000


def test_bytes_are_read_as_utf_8() -> None:
    capture = Capture(100)
    capture.buffer.write("ü".encode() + b"\xff")
    assert capture.peek() == "ü\ufffd"


def test_what_is_no_text_is_refused_as_a_file_does() -> None:
    with pytest.raises(TypeError, match="must be str"):
        Capture(10).write(b"x")  # type: ignore[arg-type]


def test_it_looks_like_a_stream() -> None:
    capture = Capture(10)
    assert capture.writable()
    assert not capture.isatty()
    assert capture.encoding == sys.getdefaultencoding()
    capture.flush()
