"""Our own authority in a home: made once, with a ledger of all that it signed."""

import json

from hermetic.certificates.roles import Role
from hermetic.clock import system_clock
from hermetic.config.home import Home
from hermetic.wiring.own import own_authority, own_renewal


async def test_it_is_made_once_and_all_it_signs_is_written_down(home: Home) -> None:
    first = own_authority(home, system_clock)
    renewal = await own_renewal(home, Role.API, ["a.test"], system_clock)
    credential = await renewal.credential()
    assert own_authority(home, system_clock).roots == first.roots
    assert first.issued(credential.chain)
    assert home.ca.read_bytes() == first.root_pem
    told = [json.loads(line) for line in home.signatures.read_text().splitlines()]
    assert [one["role"] for one in told] == ["root", "intermediate", "api"]
    assert told[2]["serial"] == f"{credential.chain.serial:x}"
    assert {one["by"] for one in told} == {"this home"}


async def test_each_role_and_each_entry_is_kept_apart(home: Home) -> None:
    one = await own_renewal(home, Role.API, ["a.test"], system_clock)
    other = await own_renewal(home, Role.API, ["b.test"], system_clock, entry="local")
    assert (await one.credential()).chain.names == ("a.test",)
    assert (await other.credential()).chain.names == ("b.test",)
