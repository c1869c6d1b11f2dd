"""What is served while a name is proved, to whoever asks."""

import asyncio
import socket
from pathlib import Path

import pytest

from hermetic.errors import BadConfiguration
from hermetic.issuers.acme import http01
from hermetic.issuers.acme.http01 import OwnPort, Webroot
from hermetic.issuers.acme.order import Proof
from tests.support.nginx import free_port

PROOF = Proof("http-01", "a.test", "a-token", "a-token.thumbprint")
PATH = "/.well-known/acme-challenge/a-token"


async def asked(port: int, head: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head)
    answer = await reader.read(1 << 20)
    writer.close()
    return answer


def get(path: str, method: str = "GET") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nhost: a.test\r\n\r\n".encode()


async def test_the_answer_is_there_as_long_as_it_is_to_be_proved() -> None:
    port = free_port()
    prover = OwnPort(port, ["127.0.0.1"])
    await prover.present(PROOF)
    other = Proof("http-01", "b.test", "b-token", "b-token.thumbprint")
    await prover.present(other)
    answer = await asked(port, get(PATH))
    assert answer.startswith(b"HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\n")
    assert answer.endswith(b"\r\n\r\na-token.thumbprint")
    assert not (await asked(port, get(PATH, "HEAD"))).endswith(b"thumbprint")
    await prover.withdraw(PROOF)
    assert (await asked(port, get(PATH))).startswith(b"HTTP/1.1 404")
    await prover.withdraw(other)
    await prover.withdraw(other)
    with pytest.raises(ConnectionRefusedError):
        await asked(port, get(PATH))


@pytest.mark.parametrize(
    "head",
    [
        get("/"),
        get("/.well-known/acme-challenge/"),
        get("/.well-known/acme-challenge/../../etc/passwd"),
        get(PATH + "/x"),
        get(PATH, "POST"),
        b"\x16\x03\x01\x00\xa5\r\n\r\n",
        b"\r\n\r\n",
    ],
)
async def test_nothing_else_is_there(head: bytes) -> None:
    port = free_port()
    prover = OwnPort(port, ["127.0.0.1"])
    await prover.present(PROOF)
    answer = await asked(port, head)
    assert answer.startswith(b"HTTP/1.1 404")
    assert b"thumbprint" not in answer
    await prover.withdraw(PROOF)


async def test_who_is_slow_or_talks_for_ever_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http01, "_HEAD_WITHIN_S", 0.3)
    port = free_port()
    prover = OwnPort(port, ["127.0.0.1"])
    await prover.present(PROOF)
    slow, endless = asked(port, b"GET /"), asked(port, b"GET /" + b"x" * (64 << 10))
    answers = await asyncio.gather(slow, endless, return_exceptions=True)
    assert all(one == b"" or isinstance(one, OSError) for one in answers)
    assert (await asked(port, get(PATH))).startswith(b"HTTP/1.1 200")
    await prover.withdraw(PROOF)


async def test_a_port_that_is_taken_is_told_with_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        prover = OwnPort(taken.getsockname()[1], ["127.0.0.1"])
        with pytest.raises(BadConfiguration, match="--webroot"):
            await prover.present(PROOF)
        await prover.withdraw(PROOF)


async def test_the_answer_lies_where_another_server_finds_it(tmp_path: Path) -> None:
    prover = Webroot(tmp_path)
    await prover.present(PROOF)
    found = tmp_path / PATH.strip("/")
    assert found.read_text() == PROOF.answer
    assert found.stat().st_mode & 0o777 == 0o644
    await prover.withdraw(PROOF)
    await prover.withdraw(PROOF)
    assert not found.exists()


async def test_a_folder_that_is_missing_or_not_ours_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match="no folder"):
        await Webroot(tmp_path / "none").present(PROOF)
    (tmp_path / ".well-known").write_text("in the way")
    with pytest.raises(BadConfiguration, match="cannot be written"):
        await Webroot(tmp_path).present(PROOF)
