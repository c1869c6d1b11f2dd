import socket
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hermetic.certificates.credential import Credential
from hermetic.certificates.roles import Role
from hermetic.certstore.files import FileStore
from hermetic.clock import system_clock
from hermetic.diagnostics import hop
from hermetic.diagnostics.here import Here, Port, look
from hermetic.tls.reload import SwappingContext
from tests.support.certificates import hierarchy
from tests.support.hops import presenting, serving

NOW = datetime.now(UTC)
OURS = hierarchy()


def here(root: Path, *names: str) -> Here:
    port = Port("127.0.0.1", 9, sealed=True)
    return Here(
        root, root / "stores", root / "certificates", root / "authority", port, 0, names=names
    )


async def test_where_no_home_is_nothing_else_is_looked_at(tmp_path: Path) -> None:
    found = await look(here(tmp_path / "none"), NOW)
    assert [one.code for one in found] == ["home.missing"]


async def test_names_that_lead_here_and_addresses_are_not_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    names = ("localhost", "127.0.0.1", "::1", "*.example.com", "box.invalid")
    found = await look(here(tmp_path, *names), NOW)
    codes = [one.code for one in found]
    assert codes == ["home.fine", "disk.fine", "port.closed", "dns.unknown"]
    assert found[-1].where == "name box.invalid"


async def test_a_name_that_leads_to_another_machine_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    # inet_aton(3) reads this as 192.0.2.1, which is nobody's (RFC 5737)
    found = await look(here(tmp_path, "192.0.513"), NOW)
    assert found[-1].code == "dns.elsewhere"
    assert "192.0.2.1" in found[-1].text


async def test_nothing_is_made_where_there_is_nothing(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    await look(replace(here(tmp_path), own=Role.API, believes=True), NOW)
    assert not list(tmp_path.iterdir())


async def of_port(root: Path, port: int, *, kept: Credential | None = None) -> str:
    """Return what is found at *port* of a node that keeps *kept*."""
    root.chmod(0o700)
    looked = replace(here(root), port=Port("127.0.0.1", port, sealed=True), me=root.stat().st_uid)
    if kept is not None:
        FileStore(looked.certificates).write(Role.API.value, kept)
        looked = replace(looked, own=Role.API)
    found = await look(looked, NOW)
    return next(one.code for one in found if one.code.startswith("port."))


async def test_a_port_that_presents_another_certificate_than_is_kept_is_told(
    tmp_path: Path,
) -> None:
    kept, other = OURS.issue(), OURS.issue()
    async with serving(presenting(kept)) as port:
        assert await of_port(tmp_path, port, kept=kept) == "port.fine"
        assert await of_port(tmp_path, port) == "port.fine"  # nothing is kept to compare it with
    async with serving(presenting(other)) as port:
        assert await of_port(tmp_path, port, kept=kept) == "port.not-the-store"


async def test_a_public_certificate_is_looked_for_by_its_own_name(tmp_path: Path) -> None:
    public, own = OURS.issue("models.test"), OURS.issue("localhost", "127.0.0.1")
    beside = SwappingContext(own, clock=system_clock)
    context = SwappingContext(public, clock=system_clock, beside=beside)
    async with serving(context.base) as port:
        assert await of_port(tmp_path, port, kept=public) == "port.fine"
        assert await of_port(tmp_path, port, kept=OURS.issue("models.test")) == "port.not-the-store"


async def test_a_port_that_is_not_sealed_or_hangs_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(None) as port:
        assert await of_port(tmp_path, port) == "port.plain-http"
    monkeypatch.setattr(hop, "WITHIN_S", 0.2)
    async with serving(None, silent=True) as port:
        assert await of_port(tmp_path, port) == "port.silent"


async def test_a_port_from_which_nothing_comes_back_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hop, "WITHIN_S", 0.3)
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        # With its queue full, the system drops what comes, as a firewall does.
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        try:
            assert await of_port(tmp_path, port) == "port.filtered"
        finally:
            for one in waiting:
                one.close()
