"""Who orders a certificate of an ACME server: one node, or one of several for all."""

import asyncio
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest

from hermetic.certificates.roles import Role
from hermetic.certstore.files import FileStore
from hermetic.clock import system_clock
from hermetic.config.acme import Acme
from hermetic.config.home import Home
from hermetic.database.sqlite import SqliteDatabase
from hermetic.node.sharing import SharedRenewal
from hermetic.wiring.acme_renewal import acme_renewal
from hermetic.wiring.sharing import Sharing
from hermetic.wiring.wish import Wish
from tests.support.acme_server import AcmeServer, serving
from tests.support.tokens import signing_key
from tests.support.waiting import until


def wish(server: AcmeServer, folder: Path, sharing: Sharing | None = None) -> Wish:
    (folder / "ca").write_bytes(server.ca)
    www = folder / "www"
    www.mkdir(exist_ok=True)
    acme = Acme(server.directory, ca=str(folder / "ca"), agree_tos=True, webroot=str(www))
    return Wish(Role.API, names=("a.test",), acme=(acme,), sharing=sharing)


@pytest.mark.slow
async def test_two_nodes_that_share_a_database_order_once(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "db")
    await database.open()
    async with serving() as server, AsyncExitStack() as stack:
        homes = [Home(tmp_path / name) for name in ("one", "other")]
        for home in homes:
            home.create()
            sharing = Sharing(database, signing_key())
            folder = home.root.parent / f"{home.root.name}-folder"
            folder.mkdir()
            renewal = acme_renewal(home, wish(server, folder, sharing), system_clock).renewal
            assert isinstance(renewal, SharedRenewal)
            running = asyncio.create_task(renewal.run())
            stack.callback(running.cancel)
        stores = [FileStore(home.certificates) for home in homes]
        answers = "*-folder/www/.well-known/acme-challenge/*"
        await until(lambda: len(list(tmp_path.glob(answers))) == 2, within_s=20)  # both show it
        await until(lambda: all("api" in one.entries() for one in stores), within_s=20)
        assert len({one.read("api").chain.serial for one in stores}) == 1
        assert server.count("neworder") == 1
        await until(lambda: not list(tmp_path.glob(answers)), within_s=20)
        assert not list(homes[0].acme.rglob("account.key"))  # it lies in the database alone
    await database.close()


async def test_a_crash_after_the_order_costs_no_second_one(tmp_path: Path) -> None:
    """The certificate was issued, and the process ended before it was kept."""
    home = Home(tmp_path / "home")
    home.create()
    async with serving() as server:
        wished = wish(server, tmp_path)
        renewal = acme_renewal(home, wished, system_clock).renewal
        kept = asyncio.Event()

        class Ended(BaseException):
            """The end of the process."""

        class Dying:
            def __getattr__(self, name: str) -> object:
                return getattr(FileStore(home.certificates), name)

            def write(self, entry: str, credential: object) -> None:
                kept.set()
                raise Ended

        renewal._store = Dying()  # type: ignore[union-attr]
        with suppress(Ended):
            await renewal.turn()
        assert kept.is_set()
        again = acme_renewal(home, wished, system_clock).renewal
        await again.turn()
        assert FileStore(home.certificates).read("api").chain.names == ("a.test",)
        assert server.count("neworder") == 1
        assert server.count("finalize") == 1
