"""A door under mutual TLS while trust changes: who is cut off, and who notices nothing.

On both event loops, through the listener of a node.
"""

import asyncio
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from hermetic.certificates.authorisation import Allowed
from hermetic.certificates.roles import Role
from hermetic.clock import TurnedClock
from hermetic.tls import watch
from hermetic.tls.trust import POLL, LiveTrust
from tests.support.authorities import Folders
from tests.support.callers import Cast
from tests.support.certificates import DAY, Hierarchy
from tests.support.inotify import Deaf, Exhausted
from tests.support.listening import PATIENCE_S
from tests.support.load import Load
from tests.support.mutual import LET_IN, Door, door, following
from tests.support.verdicts import fingerprint
from tests.support.waiting import until

LONG = timedelta(hours=1)


@dataclass(frozen=True)
class Scene:
    """A door, and the folders of whom it trusts."""

    cast: Cast
    source: Folders
    door: Door
    clock: TurnedClock

    @property
    def live(self) -> LiveTrust:
        return self.door.live


@pytest.fixture
async def scene(tmp_path: Path, cast: Cast, authority: Hierarchy) -> AsyncIterator[Scene]:
    source, clock = Folders(tmp_path), TurnedClock(cast.now)
    source.trust(cast.root, cast.legacy)
    live = LiveTrust(source, role=Role.AUTHENTICATION, clock=clock)
    async with door(live, authority) as opened:
        yield Scene(cast, source, opened, clock)


def remove_a_root(scene: Scene) -> None:
    scene.source.trust(scene.cast.root)


def publish_a_list(scene: Scene) -> None:
    scene.source.publish(scene.cast.crl(scene.cast.issuing, scene.cast.identity("web-1").leaf))


def allow_the_others(scene: Scene) -> None:
    scene.live.allow(Allowed.parse(names=["web-2.nodes.test", "guest.test", "192.0.2.7"]))


def deny_it(scene: Scene) -> None:
    scene.live.allow(Allowed.parse(denied=[fingerprint(scene.cast.identity("web-1"))]))


@dataclass(frozen=True)
class Cause:
    """What ends somebody's trust, whose, and the reason that is given."""

    happens: Callable[[Scene], None]
    whose: str
    reason: str


CAUSES = {
    "root removed": Cause(remove_a_root, "legacy", "unknown-issuer"),
    "list arrived": Cause(publish_a_list, "web-1", "revoked"),
    "allow-list changed": Cause(allow_the_others, "web-1", "wrong-name"),
    "denied": Cause(deny_it, "web-1", "denied"),
}
OTHERS = ("web-2", "guest", "any")


async def cut_off(scene: Scene, cause: Cause) -> float:
    """Let *cause* happen, and return after how many seconds the last connection had ended.

    Others who talk all the while must be answered all the while.
    """
    out = [await scene.door.knock(scene.cast.identity(cause.whose)) for _ in range(2)]
    staying = [await scene.door.knock(scene.cast.identity(who)) for who in OTHERS]
    assert [one.verdict for one in (*out, *staying)] == ["in"] * 5
    loop = asyncio.get_running_loop()
    began = loop.time()
    cause.happens(scene)
    ended = asyncio.gather(*(one.ended() for one in out))
    while not ended.done():
        assert await asyncio.gather(*(one.goes_on() for one in staying)) == [True] * 3
    await ended
    took = loop.time() - began
    assert await asyncio.gather(*(one.goes_on() for one in staying)) == [True] * 3
    assert scene.door.peers.cut_off == {cause.reason: 2}
    again = await scene.door.knock(scene.cast.identity(cause.whose))
    assert again.verdict in {cause.reason, "tls"}
    return took


@pytest.mark.parametrize("cause", CAUSES)
async def test_who_is_trusted_no_more_is_cut_off_and_nobody_else(
    scene: Scene, cause: str, show: Callable[[str], None]
) -> None:
    async with following(scene.live, *scene.source.folders, poll=LONG):
        took = await cut_off(scene, CAUSES[cause])
    show(f"{cause}: connections closed after {took * 1000:.0f} ms, events heard")


@pytest.mark.slow
@pytest.mark.parametrize("cause", ["root removed", "list arrived"])
@pytest.mark.parametrize("lost", ["no event comes", "watching fails"])
async def test_they_are_cut_off_also_where_events_are_lost(
    scene: Scene,
    cause: str,
    lost: str,
    monkeypatch: pytest.MonkeyPatch,
    show: Callable[[str], None],
) -> None:
    monkeypatch.setattr(watch, "Inotify", Exhausted if lost == "watching fails" else Deaf)
    async with following(scene.live, *scene.source.folders, poll=POLL):
        took = await cut_off(scene, CAUSES[cause])
    show(f"{cause}: connections closed after {took * 1000:.0f} ms, {lost}")


async def test_who_stays_past_the_end_of_the_certificate_is_cut_off(scene: Scene) -> None:
    ending = await scene.door.knock(scene.cast.identity("web-1"))
    async with following(scene.live, poll=timedelta(milliseconds=20)):
        assert await ending.goes_on()
        scene.clock.advance(2 * DAY)
        await ending.ended()
    assert scene.door.peers.cut_off == {"expired": 1}


async def test_a_disk_that_hangs_keeps_nobody_in_past_the_end(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    ending = await scene.door.knock(scene.cast.identity("web-1"))
    released = threading.Event()
    monkeypatch.setattr(scene.source, "digest", lambda: str(released.wait(PATIENCE_S)))
    async with following(scene.live, poll=timedelta(milliseconds=20)):
        scene.clock.advance(2 * DAY)
        await ending.ended()
        released.set()


async def test_an_emptied_store_closes_the_door(scene: Scene) -> None:
    inside = await scene.door.knock(scene.cast.identity("web-1"))
    async with following(scene.live, *scene.source.folders, poll=LONG):
        scene.source.trust()
        await inside.ended()
    assert (await scene.door.knock(scene.cast.identity("web-1"))).verdict == "tls"
    assert not scene.door.peers.connections


async def test_a_file_half_written_closes_no_connection(scene: Scene) -> None:
    inside = await scene.door.knock(scene.cast.identity("legacy"))
    path = next(scene.source.folders[0].iterdir())
    async with following(scene.live, *scene.source.folders, poll=LONG):
        path.write_bytes(path.read_bytes()[:200])
        await until(lambda: scene.live.fault is not None)
        assert await inside.goes_on()
    assert (await scene.door.knock(scene.cast.identity("web-1"))).verdict == "in"


@pytest.mark.slow
async def test_roots_rotate_and_no_client_that_is_meant_notices(
    scene: Scene, authority: Hierarchy
) -> None:
    cast, live, source = scene.cast, scene.live, scene.source
    old, new = cast.identity("legacy"), cast.caller(above=cast.stranger)
    async with AsyncExitStack() as stack:
        quiet = await stack.enter_async_context(door(live, authority, greeting=b""))
        loads = [Load(quiet.port, quiet.client(one)) for one in (old, new)]
        await stack.enter_async_context(following(live, *source.folders, poll=LONG))
        async with loads[0].running(connecting=2, staying=1):
            await loads[0].goes_on(5)
            source.trust(cast.root, cast.legacy, cast.stranger)
            await until(lambda: live.changes == 1)
            await stack.enter_async_context(loads[1].running(connecting=2, staying=1))
            for load in loads:
                await load.goes_on(5)
        source.trust(cast.root, cast.stranger)
        await until(lambda: live.changes == 2)
        await loads[1].goes_on(5)
    assert [load.failures for load in loads] == [{}, {}]
    assert (await scene.door.knock(old)).verdict == "tls"
    assert (await scene.door.knock(new)).verdict == "in"


def resumed(
    door: Door, context: ssl.SSLContext, session: ssl.SSLSession | None
) -> tuple[ssl.SSLSession | None, bool]:
    """Connect with what was kept of an earlier connection; return what to keep, and if it helped."""
    with (
        socket.create_connection(("127.0.0.1", door.port.number), PATIENCE_S) as plain,
        context.wrap_socket(plain, server_hostname="localhost", session=session) as sealed,
    ):
        if sealed.recv(100) != LET_IN:
            raise ConnectionError("not let in")
        return sealed.session, bool(sealed.session_reused)


async def test_nothing_is_resumed_before_a_root_is_removed_or_after(scene: Scene) -> None:
    context = scene.door.client(scene.cast.identity("legacy"))
    kept, _ = await asyncio.to_thread(resumed, scene.door, context, None)
    assert kept is None or not kept.has_ticket
    _, has_helped = await asyncio.to_thread(resumed, scene.door, context, kept)
    assert not has_helped
    async with following(scene.live, *scene.source.folders, poll=LONG):
        scene.source.trust(scene.cast.root)
        await until(lambda: scene.live.changes == 1)
    with pytest.raises(OSError, match=r"(?i)alert|reset|not let in"):
        await asyncio.to_thread(resumed, scene.door, context, kept)


async def test_who_forges_an_identity_in_a_header_is_who_the_certificate_says(
    scene: Scene,
) -> None:
    scene.live.allow(Allowed.parse(subjects=["CN=web-1,O=Contoso"]))
    web_2 = await scene.door.knock(scene.cast.identity("web-2"))
    web_2.peer.writer.write(
        b'GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Client-Cert: Subject="CN=web-1,O=Contoso"\r\n'
        b"X-SSL-Client-S-DN: CN=web-1,O=Contoso\r\nX-Client-Verify: SUCCESS\r\n\r\n"
    )
    assert web_2.verdict == "wrong-subject"
    await web_2.ended()
    assert not scene.door.peers.connections
