import socket

import pytest

from hermetic.client.observing import observe
from hermetic.errors import DeadlineExceeded, TrustFailure, Unreachable
from hermetic.tls.contexts import TlsProfile, client_context
from tests.support.certificates import hierarchy
from tests.support.hops import answering, presenting, serving

OURS, OTHERS = hierarchy(), hierarchy(name="Others")


async def test_whatever_is_answered_is_returned() -> None:
    async with serving(presenting(OURS.issue())) as port:
        context = client_context(OURS.root_pem, profile=TlsProfile.INTERMEDIATE)
        found = await observe(f"https://localhost:{port}/x", context, "token", within_s=5)
    assert (found.status, found.body, found.ahead_s) == (200, b"{}", 0.0)


async def test_what_keeps_an_answer_from_coming_is_told_apart() -> None:
    context = client_context(OTHERS.root_pem, profile=TlsProfile.INTERMEDIATE)
    async with serving(presenting(OURS.issue())) as port:
        with pytest.raises(TrustFailure):
            await observe(f"https://localhost:{port}/", context, None, within_s=5)
    async with serving(None, silent=True) as port:
        with pytest.raises(DeadlineExceeded):
            await observe(f"http://localhost:{port}/", context, None, within_s=0.2)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(Unreachable):
        await observe(f"http://127.0.0.1:{port}/", context, None, within_s=5)


async def test_an_answer_that_is_too_long_is_not_read_to_its_end() -> None:
    context = client_context(OURS.root_pem, profile=TlsProfile.INTERMEDIATE)
    answers = {"/just": answering(b"x" * (4 << 20)), "/more": answering(b"x" * ((4 << 20) + 1))}
    async with serving(None, answers=answers) as port:
        assert (await observe(f"http://127.0.0.1:{port}/just", context, None, within_s=9)).body
        with pytest.raises(Unreachable, match="more than 4 MB"):
            await observe(f"http://127.0.0.1:{port}/more", context, None, within_s=9)


@pytest.mark.parametrize(
    "date", [b"Thu, 01 Jan 99999999999 00:00:00 GMT", b"x", b"1 2 3 4 5 6", b""]
)
async def test_a_date_that_is_none_tells_nothing(date: bytes) -> None:
    context = client_context(OURS.root_pem, profile=TlsProfile.INTERMEDIATE)
    answers = {"/": answering(b"", 200, b"date: " + date)}
    async with serving(None, answers=answers) as port:
        found = await observe(f"http://127.0.0.1:{port}/", context, None, within_s=9)
    assert found.ahead_s == 0.0


async def test_who_turns_us_away_after_the_handshake_is_unreachable() -> None:
    context = client_context(OURS.root_pem, profile=TlsProfile.INTERMEDIATE)
    async with serving(presenting(OURS.issue(), client_roots=OURS.root_pem)) as port:
        with pytest.raises(Unreachable):
            await observe(f"https://localhost:{port}/", context, None, within_s=5)
