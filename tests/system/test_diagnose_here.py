"""A node that is wrongly set up, with one thing wrong at a time: the command names it."""

import asyncio
import contextlib
import json
import os
import socket
import sqlite3
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from hermetic.certificates.credential import Credential
from hermetic.certificates.roles import Role
from hermetic.certificates.selection import StoreLocation, StoreName
from hermetic.cli import main
from hermetic.database.connection_string import ConnectionParameters
from hermetic.database.sqlite import SqliteDatabase
from tests.support.certificates import DAY, hierarchy
from tests.support.hops import revoking
from tests.support.installation import PLACE, Installation, Node, connection_string

pytestmark = pytest.mark.slow

Captured = pytest.CaptureFixture[str]
ROOTS = StoreLocation.LOCAL_MACHINE, StoreName.ROOT


@dataclass
class Site:
    """A web node and a compute node that are set up, and do not run."""

    whole: Installation
    web: Node
    compute: Node
    folder: Path


@pytest.fixture
def site(tmp_path: Path) -> Site:
    whole = Installation(tmp_path)
    compute = whole.add_compute()
    return Site(whole, whole.add_web(), compute, tmp_path)


def found(capsys: Captured, node: Node, *more: str) -> dict[str, str]:
    """Return the codes that are no pass, and what they say."""
    capsys.readouterr()
    role = ["--role", node.role]
    line = ["diagnose", "--home", str(node.home), "--settings", str(node.file), *role, "--json"]
    code = main.run([*line, *more])
    told = json.loads(capsys.readouterr().out)
    alarms = {one["code"]: one["text"] for one in told["findings"] if one["level"] != "pass"}
    assert code == (1 if told["statusCode"] == "fail" else 0)
    return alarms


def changed(node: Node, **sections: Any) -> None:
    node.settings |= sections
    node.write()


def shown(node: Node, credential: Credential) -> None:
    """Let *credential* be the only one in the store of *node*."""
    for one in node.stores.credentials(*PLACE):
        node.stores.remove(*PLACE, one.chain.sha256)
    node.stores.add(*PLACE, credential)


def issued(site: Site, role: Role = Role.COMPUTE, **more: Any) -> Credential:
    return site.whole.authority.issue("compute-1", site.compute.address, role=role, **more)


def lacks_a_comma(site: Site) -> Node:
    site.compute.file.write_text(
        '{\n  "Kestrel": {\n    "Port": 12805\n    "HttpsEnabled": true\n  }\n}'
    )
    return site.compute


def has_an_unknown_key(site: Site) -> Node:
    changed(site.compute, Kestrell={})
    return site.compute


def names_no_file(site: Site) -> Node:
    site.compute.file.unlink()
    return site.compute


def is_open_to_the_network(site: Site) -> Node:
    del site.compute.settings["ClientCertificate"]
    site.compute.settings["Kestrel"]["Host"] = "0.0.0.0"
    site.compute.write()
    return site.compute


def has_a_blank_subject(site: Site) -> Node:
    changed(site.compute, ClientCertificate={"Enabled": True, "Issuer": "CN=x", "Subject": ""})
    return site.compute


def has_a_secret_for_nobody(site: Site) -> Node:
    sealed = "eyJ0IjoiMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMCIsInMiOiJBQUFBIn0="
    postgresql = {"Enabled": True, "Encrypted": True, "Connection": sealed}
    changed(site.web, ConnectionStrings={"postgresql": postgresql})
    return site.web


def speaks_plain_http(site: Site) -> Node:
    changed(site.compute, Kestrel={"Host": "localhost", "HttpsEnabled": False})
    del site.compute.settings["ClientCertificate"]
    site.compute.write()
    return site.compute


def lets_everybody_in(site: Site) -> Node:
    changed(site.compute, ClientCertificate={"Enabled": False})
    return site.compute


def has_no_home(site: Site) -> Node:
    site.compute.home.rename(site.folder / "elsewhere")
    return site.compute


def has_an_open_home(site: Site) -> Node:
    site.compute.home.chmod(0o755)
    return site.compute


def has_an_open_key(site: Site) -> Node:
    key = next(path for path in site.compute.home.rglob("*key*") if path.is_file())
    key.chmod(stat.S_IMODE(key.stat().st_mode) | 0o044)
    return site.compute


def has_a_foreign_key(site: Site) -> Node:
    key = next(path for path in site.compute.home.rglob("*key*") if path.is_file())
    os.chown(key, 4711, -1)
    return site.compute


def lacks_its_certificate(site: Site) -> Node:
    for one in site.compute.stores.credentials(*PLACE):
        site.compute.stores.remove(*PLACE, one.chain.sha256)
    return site.compute


def has_two_alike(site: Site) -> Node:
    site.compute.stores.add(*PLACE, issued(site))
    return site.compute


def has_an_expired_one(site: Site) -> Node:
    shown(site.compute, issued(site, now=site.whole.authority.now - 3 * DAY))
    return site.compute


def has_one_ahead_of_its_time(site: Site) -> Node:
    shown(site.compute, issued(site, now=site.whole.authority.now + 3 * DAY))
    return site.compute


def has_one_soon_at_its_end(site: Site) -> Node:
    shown(site.compute, issued(site, now=site.whole.authority.now - timedelta(hours=22)))
    return site.compute


def has_one_for_another_purpose(site: Site) -> Node:
    shown(site.compute, issued(site, role=Role.AUTHENTICATION))
    return site.compute


def is_called_otherwise(site: Site) -> Node:
    changed(site.compute, Certificates={"Names": ["localhost"]})
    return site.compute


def trusts_nobody(site: Site) -> Node:
    site.compute.stores.remove(*ROOTS, _fingerprint(site.whole.authority.root_certificate))
    return site.compute


def trusts_the_dead(site: Site) -> Node:
    trusts_nobody(site)
    ended = hierarchy(name="Ended", life=100 * DAY)
    site.compute.stores.add_certificates(*ROOTS, [ended.root_certificate])
    return site.compute


def has_an_old_list(site: Site) -> Node:
    ours = site.whole.authority
    old = revoking(ours.issue("x", role=Role.COMPUTE), ours.intermediate, age=5 * DAY)
    site.compute.stores.add_revocation_list(StoreLocation.LOCAL_MACHINE, old)
    return site.compute


def goes_by_an_unknown_name(site: Site) -> Node:
    name = "compute-1.invalid"
    shown(site.compute, site.whole.authority.issue("compute-1", name, role=Role.COMPUTE))
    changed(site.compute, Certificates={"Names": [name]})
    return site.compute


def has_a_damaged_database(site: Site) -> Node:
    (site.web.home / "hermetic.sqlite3").write_bytes(b"no database at all" * 100)
    return site.web


def has_a_newer_database(site: Site) -> Node:
    _with_tables(site, "INSERT INTO migrations VALUES (99, 'later', 'x')")
    return site.web


def has_an_older_database(site: Site) -> Node:
    _with_tables(site, "DELETE FROM migrations WHERE version > 1")
    return site.web


def has_no_server_for_its_database(site: Site) -> Node:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    where = f"Host=127.0.0.1;Port={port};Database=x;User ID=x;Password=secret-1"
    changed(site.web, ConnectionStrings={"postgresql": {"Enabled": True, "Connection": where}})
    return site.web


FAULTS: dict[str, Callable[[Site], Node]] = {
    "settings.invalid 1": lacks_a_comma,
    "settings.invalid 2": has_an_unknown_key,
    "settings.invalid 3": names_no_file,
    "settings.invalid 4": is_open_to_the_network,
    "settings.invalid 5": has_a_blank_subject,
    "settings.invalid 6": has_a_secret_for_nobody,
    "settings.plain-http": speaks_plain_http,
    "settings.open-door": lets_everybody_in,
    "home.missing": has_no_home,
    "home.open": has_an_open_home,
    "key.open": has_an_open_key,
    "key.foreign": has_a_foreign_key,
    "certificate.missing": lacks_its_certificate,
    "certificate.ambiguous": has_two_alike,
    "certificate.expired": has_an_expired_one,
    "certificate.not-yet-valid": has_one_ahead_of_its_time,
    "certificate.expires-soon": has_one_soon_at_its_end,
    "certificate.wrong-purpose": has_one_for_another_purpose,
    "certificate.wrong-name": is_called_otherwise,
    "trust.empty 1": trusts_nobody,
    "trust.empty 2": trusts_the_dead,
    "trust.stale-list": has_an_old_list,
    "dns.unknown": goes_by_an_unknown_name,
    "database.refused": has_a_damaged_database,
    "database.ahead": has_a_newer_database,
    "database.behind": has_an_older_database,
    "database.unreachable": has_no_server_for_its_database,
}
AS_ROOT = {"key.foreign"}
# What else is true of a node that does not run, or of what hides behind the fault.
BESIDE = {"port.closed", "settings.open-door", "settings.plain-http", "trust.expired"}


@pytest.mark.parametrize("name", FAULTS)
def test_what_is_wrong_here_is_named(site: Site, capsys: Captured, name: str) -> None:
    if name in AS_ROOT and os.geteuid() != 0:
        pytest.skip("only root can give a file to another user")
    alarms = found(capsys, FAULTS[name](site))
    code = name.partition(" ")[0]
    assert code in alarms
    assert set(alarms) - BESIDE - {code} == set()
    assert "secret-1" not in str(alarms)


def test_a_missing_comma_is_told_with_its_place(site: Site, capsys: Captured) -> None:
    (told,) = found(capsys, lacks_a_comma(site)).values()
    assert f"{site.compute.file}" in told
    assert "comma" in told


def test_a_database_that_does_not_let_in_is_told_from_one_that_is_away(
    site: Site, capsys: Captured, reach: ConnectionParameters
) -> None:
    wrong = replace(reach, password="secret-2")
    for where, code in ((wrong, "database.refused"), (reach, "database.behind")):
        connection = {"Enabled": True, "Connection": connection_string(where)}
        changed(site.web, ConnectionStrings={"postgresql": connection})
        alarms = found(capsys, site.web)
        assert set(alarms) - BESIDE == {code}
        assert "secret-2" not in str(alarms)


def test_a_node_that_was_only_set_up_has_one_thing_wrong(site: Site, capsys: Captured) -> None:
    for node in (site.web, site.compute):
        assert set(found(capsys, node)) == {"port.closed"}


def test_a_database_that_hangs_holds_up_the_command_for_seconds_only(
    site: Site, capsys: Captured
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        where = f"Host=127.0.0.1;Port={mute.getsockname()[1]};Database=x;User ID=x;SSL Mode=Prefer"
        changed(site.web, ConnectionStrings={"postgresql": {"Enabled": True, "Connection": where}})
        began = time.monotonic()
        alarms = found(capsys, site.web)
        took = time.monotonic() - began
    assert set(alarms) - BESIDE == {"database.unreachable"}
    assert took < 15  # five seconds are for a machine that does nothing else


def _fingerprint(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(hashes.SHA256()).hex()


def _with_tables(site: Site, change: str) -> None:
    async def made() -> None:
        database = SqliteDatabase(site.web.home / "hermetic.sqlite3")
        await database.open()
        await database.close()

    asyncio.run(made())
    with contextlib.closing(sqlite3.connect(site.web.home / "hermetic.sqlite3")) as connection:
        connection.execute(change)
        connection.commit()
