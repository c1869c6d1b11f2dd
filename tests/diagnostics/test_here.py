from datetime import UTC, datetime
from pathlib import Path

from hermetic.diagnostics.here import Here, Port, look

NOW = datetime.now(UTC)


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
