"""The judgement of a server inside the handshake, whatever makes the handshake."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable

import httpx2
import pytest
import uvloop
from cryptography.hazmat.primitives.serialization import Encoding

from hermetic.certificates.authorisation import Allowed, Trust
from hermetic.certificates.revocation import Revocations
from hermetic.certificates.roles import Role
from hermetic.clock import system_clock
from hermetic.errors import CertificateRejected
from hermetic.tls.contexts import client_context, server_context
from hermetic.tls.judging import Judge
from hermetic.tls.memory import as_path
from tests.support.callers import SERVER, Caller, Cast, alternatives, purposes
from tests.support.certificates import Hierarchy
from tests.support.memory_tls import shake

NODE = alternatives("node-1.nodes.test", "127.0.0.1", "2001:db8::9")


@pytest.fixture(scope="module")
def node(cast: Cast) -> Caller:
    return cast.caller("node-1", put=(NODE, purposes(SERVER)))


def serving(caller: Caller) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with as_path(caller.pem) as path:
        context.load_cert_chain(path)
    return context


def judge_of(cast: Cast, *revoked: Caller, **allowed: list[str]) -> Judge:
    """Return who judges as a web node does: for compute nodes, by a list, by who is meant."""
    trust = Trust(
        cast.roots,
        Role.COMPUTE,
        revocations=Revocations([cast.crl(cast.issuing, *(one.leaf for one in revoked))]),
        allowed=Allowed.parse(**allowed),
    )
    return lambda certificates, name: trust.judge(certificates, system_clock(), name=name)


def calling(cast: Cast, judge: Judge | None, name: str | None = None) -> ssl.SSLContext:
    root = cast.root.certificate.public_bytes(Encoding.PEM)
    return client_context(root, judge=judge, name=name)


Connect = Callable[[ssl.SSLContext, int], Awaitable[None]]


async def with_streams(context: ssl.SSLContext, port: int) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    writer.close()


async def with_httpx(context: ssl.SSLContext, port: int) -> None:
    async with httpx2.AsyncClient(verify=context, trust_env=False) as client:
        await client.get(f"https://127.0.0.1:{port}/")


async def with_a_socket(context: ssl.SSLContext, port: int) -> None:
    def connect() -> None:
        with socket.create_connection(("127.0.0.1", port)) as plain:
            context.wrap_socket(plain, server_hostname="127.0.0.1").close()

    await asyncio.to_thread(connect)


class Answering(asyncio.Protocol):
    """Answers whatever comes as an HTTP server would."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")  # type: ignore[attr-defined]


def outcome(
    loop: Callable[[], asyncio.AbstractEventLoop],
    connect: Connect,
    server: ssl.SSLContext,
    client: ssl.SSLContext,
) -> str:
    """Return `fine`, or what the library raised."""

    async def run() -> str:
        running = asyncio.get_running_loop()
        listening = await running.create_server(Answering, "127.0.0.1", 0, ssl=server)
        port = listening.sockets[0].getsockname()[1]
        try:
            await connect(client, port)
        except (OSError, httpx2.ConnectError) as error:
            return str(error)
        finally:
            listening.close()
        return "fine"

    with asyncio.Runner(loop_factory=loop) as runner:
        return runner.run(run())


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
@pytest.mark.parametrize("connect", [with_streams, with_httpx, with_a_socket])
def test_a_revoked_server_is_refused_in_our_words_whatever_connects(
    cast: Cast, node: Caller, loop: Callable[[], asyncio.AbstractEventLoop], connect: Connect
) -> None:
    good, revoked = judge_of(cast), judge_of(cast, node)
    assert outcome(loop, connect, serving(node), calling(cast, good)) == "fine"
    told = outcome(loop, connect, serving(node), calling(cast, revoked))
    assert "The certificate of 'CN=node-1,O=Contoso' was revoked on " in told
    assert outcome(loop, connect, serving(node), calling(cast, None)) == "fine"


def test_the_error_is_openssls_own_kind_with_our_sentence_and_the_refusal_behind_it(
    cast: Cast, node: Caller
) -> None:
    client = calling(cast, judge_of(cast, subjects=["CN=node-2,O=Contoso"]))
    end = shake(serving(node), client, "127.0.0.1").client
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        end.do_handshake()
    assert caught.value.reason == "CERTIFICATE_VERIFY_FAILED"
    assert caught.value.verify_message == str(caught.value)
    assert "'CN=node-2,O=Contoso'" in str(caught.value)
    assert isinstance(caught.value.__cause__, CertificateRejected)
    assert caught.value.__cause__.code == "wrong-subject"


@pytest.mark.parametrize("name", ["node-1.nodes.test", "127.0.0.1", "2001:db8::9"])
@pytest.mark.parametrize("judged", [True, False])
def test_a_server_is_whom_its_alternatives_name(
    cast: Cast, node: Caller, name: str, judged: bool
) -> None:
    judge = judge_of(cast) if judged else None
    assert shake(serving(node), calling(cast, judge), name).succeeded


@pytest.mark.parametrize("name", ["node-2.nodes.test", "127.0.0.2", "node-1", "2001:db8::8"])
@pytest.mark.parametrize("judged", [True, False])
def test_a_server_is_nobody_else(cast: Cast, node: Caller, name: str, judged: bool) -> None:
    judge = judge_of(cast) if judged else None
    shaken = shake(serving(node), calling(cast, judge), name)
    assert shaken.client_error == "CERTIFICATE_VERIFY_FAILED"


@pytest.mark.parametrize("reached", ["127.0.0.9", "front.test"])
def test_behind_a_front_another_name_is_asked_for_and_checked(
    cast: Cast, node: Caller, reached: str
) -> None:
    server, asked = serving(node), list[str | None]()
    server.sni_callback = lambda end, name, base: asked.append(name)
    right = calling(cast, judge_of(cast), name="node-1.nodes.test")
    assert shake(server, right, reached).succeeded
    assert asked == ["node-1.nodes.test"]
    wrong = calling(cast, judge_of(cast), name="node-2.nodes.test")
    assert shake(server, wrong, reached).client_error == "CERTIFICATE_VERIFY_FAILED"
    assert shake(server, wrong, "127.0.0.1").client_error == "CERTIFICATE_VERIFY_FAILED"


def test_the_judge_is_told_the_name_that_was_asked_for(cast: Cast, node: Caller) -> None:
    told = list[str | None]()
    client = calling(cast, lambda _, name: told.append(name), name="node-1.nodes.test")
    shake(serving(node), client, "127.0.0.9")
    assert set(told) == {"node-1.nodes.test"}


def test_a_name_that_no_certificate_can_have_is_refused(cast: Cast) -> None:
    odd = cast.caller("node-3", put=(alternatives("node_3.test"), purposes(SERVER)))
    assert shake(serving(odd), calling(cast, None), "node_3.test").succeeded
    shaken = shake(serving(odd), calling(cast, judge_of(cast)), "node_3.test")
    assert shaken.client_error == "CERTIFICATE_VERIFY_FAILED"


def test_a_certificate_of_a_web_node_is_no_servers(cast: Cast) -> None:
    web_1 = cast.caller("web-1", put=(NODE,))
    shaken = shake(serving(web_1), calling(cast, judge_of(cast)), "127.0.0.1")
    assert shaken.client_error == "CERTIFICATE_VERIFY_FAILED"


def test_it_speaks_tls_1_3_and_shows_what_it_is_given(authority: Hierarchy, cast: Cast) -> None:
    server = server_context(authority.issue(), client_roots=authority.root_pem)
    own = authority.issue("web-1", role=Role.AUTHENTICATION)
    client = client_context(authority.root_pem, credential=own, judge=lambda shown, name: None)
    shaken = shake(server, client)
    assert shaken.succeeded
    assert shaken.client.version() == "TLSv1.3"
    server.minimum_version = server.maximum_version = ssl.TLSVersion.TLSv1_2
    assert not shake(server, client).succeeded


def test_without_any_root_no_server_is_trusted(cast: Cast, node: Caller) -> None:
    shaken = shake(serving(node), client_context(b"", judge=judge_of(cast)), "127.0.0.1")
    assert shaken.client_error == "CERTIFICATE_VERIFY_FAILED"
