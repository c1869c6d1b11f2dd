import pytest

from hermetic.certificates.roles import Role
from hermetic.diagnostics import strangers
from tests.support.certificates import hierarchy
from tests.support.hops import presenting, serving

OURS = hierarchy()
HERE = "127.0.0.1"


async def test_who_asks_for_certificates_refuses_strangers() -> None:
    shown = OURS.issue(role=Role.COMPUTE)
    async with serving(presenting(shown, client_roots=OURS.root_pem)) as port:
        found = await strangers.look("there", HERE, port, OURS.now)
    assert found is not None
    assert found.code == "strangers.refused"


async def test_who_asks_for_none_lets_everybody_in() -> None:
    async with serving(presenting(OURS.issue(role=Role.COMPUTE))) as port:
        found = await strangers.look("there", HERE, port, OURS.now)
    assert found is not None
    assert found.code == "strangers.let-in"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\nNo required SSL certificate was sent", "refused"),
        (b"HTTP/1.1 302 Found\r\n\r\n", "refused"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", "let-in"),
    ],
)
async def test_only_a_success_lets_a_stranger_in(answer: bytes, code: str) -> None:
    async with serving(presenting(OURS.issue()), answers={"/status": answer}) as port:
        found = await strangers.look("there", HERE, port, OURS.now)
    assert found is not None
    assert found.code == f"strangers.{code}"


async def test_nothing_is_said_of_who_answers_without_an_end() -> None:
    endless = b"HTTP/1.1 200 " + b"x" * (1 << 17)
    async with serving(presenting(OURS.issue()), answers={"/status": endless}) as port:
        assert await strangers.look("there", HERE, port, OURS.now) is None


@pytest.mark.slow
async def test_nothing_is_said_of_who_says_nothing() -> None:
    async with serving(None, silent=True) as port:
        assert await strangers.look("there", HERE, port, OURS.now) is None


async def test_who_lets_in_a_certificate_of_anybody_is_told_by_a_code_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown = OURS.issue(role=Role.COMPUTE)
    # The stranger's certificate is believed there, whereas none at all is not.
    believed = OURS.issue("stranger", role=Role.AUTHENTICATION)
    monkeypatch.setattr(strangers, "self_signed", lambda *_, **__: believed)
    async with serving(presenting(shown, client_roots=OURS.root_pem)) as port:
        found = await strangers.look("there", HERE, port, OURS.now)
    assert found is not None
    assert found.code == "strangers.foreign"
