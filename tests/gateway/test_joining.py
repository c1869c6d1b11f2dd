"""Tokens: given by Owners, used once, taken back with all that came of them."""

from datetime import timedelta

import pytest

from hermetic.access.principals import Principal, Role
from hermetic.errors import (
    BadInput,
    CertificateRejected,
    NotFound,
    NotPermitted,
)
from tests.support.certifying import DAY, HOUR, OLGA, Bench, refused


async def test_a_token_is_its_secret_and_the_root_to_know_us_by(bench: Bench) -> None:
    token = await bench.joining.give(OLGA, ["compute"], ["B.test", "b.test"], HOUR)
    id_, mac_key, root = token.text.split(".")
    assert (id_, token.enrolment.names) == (token.enrolment.id, ("b.test",))
    assert root == await bench.trusted.newest()
    assert mac_key not in repr(token)
    assert len(bench.certifying.mac_key(id_)) == 32
    assert [one.id for one in await bench.joining.all(OLGA)] == [id_]


@pytest.mark.parametrize(
    ("roles", "names", "valid"),
    [
        (["root"], ["a.test"], HOUR),
        ([], ["a.test"], HOUR),
        (["api"], [], HOUR),
        (["api"], ["a.test"], timedelta(seconds=1)),
        (["api"], ["a.test"], 31 * DAY),
        (["api"], ["no name"], HOUR),
    ],
)
async def test_a_token_that_cannot_be_meant_is_refused(
    bench: Bench, roles: list[str], names: list[str], valid: timedelta
) -> None:
    with pytest.raises((BadInput, CertificateRejected)):
        await bench.joining.give(OLGA, roles, names, valid)
    assert await bench.joining.all(OLGA) == []


@pytest.mark.parametrize("role", [Role.CONTRIBUTOR, Role.READER])
async def test_only_an_owner_administers_the_authority(bench: Bench, role: Role) -> None:
    somebody = Principal("x", role)
    for asked in (
        bench.joining.give(somebody, ["api"], ["a.test"], HOUR),
        bench.joining.all(somebody),
        bench.joining.expel(somebody, "x"),
        bench.replacing.view(somebody),
        bench.replacing.prepare(somebody),
        bench.replacing.retire(somebody, force=True),
    ):
        with pytest.raises(NotPermitted):
            await asked


async def test_who_is_expelled_has_nothing_left(bench: Bench) -> None:
    account = await bench.account()
    for _ in range(3):
        await bench.certified(account)
    assert await bench.joining.expel(OLGA, account.id) == 3
    (found,) = await bench.trusted.revocation_lists()
    assert len(found) == 3
    assert await refused(bench.certifying.account(account.id)) == "unauthorized"
    with pytest.raises(NotFound):
        await bench.joining.expel(OLGA, account.id)
