"""Frames, cut in every possible way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermetic.compute.frames import CALL, PING, RESULT, FrameReader, frame, timed, untimed
from hermetic.errors import BodyTooLarge, MalformedBody


@given(
    st.lists(st.tuples(st.integers(0, 255), st.integers(0, 2**64 - 1), st.binary(max_size=50))),
    st.integers(1, 40),
)
def test_frames_are_read_as_they_were_written_however_they_arrive(
    sent: list[tuple[int, int, bytes]], step: int
) -> None:
    data = b"".join(frame(*one) for one in sent)
    reader = FrameReader(100)
    found = [one for at in range(0, len(data), step) for one in reader.feed(data[at : at + step])]
    assert found == sent


def test_a_frame_that_says_it_is_too_long_is_refused_before_it_is_kept() -> None:
    reader = FrameReader(100)
    with pytest.raises(BodyTooLarge, match="4294967295 bytes"):
        list(reader.feed(b"\xff" * 13))


def test_a_frame_as_long_as_allowed_is_read() -> None:
    assert list(FrameReader(3).feed(frame(CALL, 1, b"abc"))) == [(CALL, 1, b"abc")]


def test_a_frame_longer_than_allowed_is_refused_even_when_it_comes_whole() -> None:
    with pytest.raises(BodyTooLarge):
        list(FrameReader(2).feed(frame(CALL, 1, b"abc")))


def test_frames_before_a_broken_one_are_read() -> None:
    reader = FrameReader(3)
    frames = reader.feed(frame(PING, 1, b"") + frame(RESULT, 2, b"abcd"))
    assert next(frames) == (PING, 1, b"")
    with pytest.raises(BodyTooLarge):
        next(frames)


@given(st.floats(min_value=0, max_value=4000), st.binary(max_size=20))
def test_a_result_carries_its_time_to_the_microsecond(taken_s: float, answer: bytes) -> None:
    seconds, body = untimed(timed(taken_s, answer))
    assert body == answer
    assert abs(seconds - taken_s) < 2e-6


def test_a_time_beyond_an_hour_is_cut_and_a_missing_one_refused() -> None:
    assert untimed(timed(1e9, b""))[0] > 4000
    with pytest.raises(MalformedBody):
        untimed(b"abc")
