"""What a compute node was given to run."""

from dataclasses import replace
from pathlib import Path

import pytest

from hermetic.clock import system_clock
from hermetic.compute.placements import Placements
from hermetic.errors import BadInput, BundleMissing, BundleRejected, Busy, ServiceUnloadable
from hermetic.registry.bundles import BundleArchive
from hermetic.serving.service import Entry
from hermetic.wire.placements import placed
from tests.support.archives import in_pieces, zipped
from tests.support.execution import InstantExecution
from tests.support.wire import WINE_SERVICE

ARCHIVE = zipped({"files/a.txt": b"hello"})


@pytest.fixture
async def bundles(tmp_path: Path) -> BundleArchive:
    bundles = BundleArchive(tmp_path / "bundles", tmp_path / "unpacked", clock=system_clock)
    await bundles.start()
    return bundles


@pytest.fixture
async def placements(bundles: BundleArchive) -> Placements:
    return Placements(InstantExecution(), bundles, most=3)


async def test_what_was_placed_is_found_at_its_digest(placements: Placements) -> None:
    digest, document = placed(WINE_SERVICE)
    assert placements.find(f"/calls/{digest}".encode()) is None
    await placements.place(digest, document)
    key = placements.find(f"/calls/{digest}".encode())
    assert key is not None
    assert (key.name, key.version) == ("wine", "1.0")


async def test_two_states_of_one_service_stand_side_by_side(placements: Placements) -> None:
    other = replace(WINE_SERVICE, entry=Entry(code="answer = 2"))
    for service in (WINE_SERVICE, other):
        await placements.place(*placed(service))
    keys = [placements.find(f"/calls/{placed(one)[0]}".encode()) for one in (WINE_SERVICE, other)]
    assert None not in keys
    assert keys[0] != keys[1]


async def test_a_document_of_another_digest_is_refused(placements: Placements) -> None:
    digest, document = placed(WINE_SERVICE)
    with pytest.raises(BadInput, match="digest is another"):
        await placements.place(digest, document + b" ")
    assert len(placements) == 0


async def test_a_missing_bundle_is_asked_for_and_then_taken(placements: Placements) -> None:
    bundle = "9" * 64
    with pytest.raises(BundleMissing):
        await placements.place(*placed(replace(WINE_SERVICE, bundle=bundle)))
    assert len(placements) == 0


async def test_a_bundle_that_was_sent_can_be_placed(
    placements: Placements, bundles: BundleArchive
) -> None:
    digest = (await bundles.add(in_pieces(ARCHIVE))).digest
    await placements.keep(digest, in_pieces(ARCHIVE))
    await placements.place(*placed(replace(WINE_SERVICE, bundle=digest)))
    assert len(placements) == 1


async def test_a_bundle_that_is_another_is_refused(placements: Placements) -> None:
    with pytest.raises(BundleRejected, match="changed on its way"):
        await placements.keep("0" * 64, in_pieces(ARCHIVE))


async def test_what_was_withdrawn_is_found_no_more(placements: Placements) -> None:
    digest, document = placed(WINE_SERVICE)
    await placements.place(digest, document)
    placements.withdraw(digest)
    placements.withdraw(digest)
    assert placements.find(f"/calls/{digest}".encode()) is None


async def test_what_nobody_calls_is_forgotten_and_what_is_called_stays(
    placements: Placements,
) -> None:
    quiet, busy = WINE_SERVICE, replace(WINE_SERVICE, entry=Entry(code="answer = 2"))
    for service in (quiet, busy):
        await placements.place(*placed(service))
    await placements.sweep(3000.0)
    placements.find(f"/calls/{placed(busy)[0]}".encode())
    await placements.sweep(4000.0)
    assert placements.find(f"/calls/{placed(quiet)[0]}".encode()) is None
    assert placements.find(f"/calls/{placed(busy)[0]}".encode()) is not None


async def test_there_are_no_more_than_there_may_be(placements: Placements) -> None:
    for number in range(3):
        await placements.place(*placed(replace(WINE_SERVICE, entry=Entry(code=f"{number}"))))
    with pytest.raises(Busy):
        await placements.place(*placed(WINE_SERVICE))


async def test_a_check_loads_and_places_nothing(placements: Placements) -> None:
    assert (await placements.check(*placed(WINE_SERVICE))).console_output == ""
    with pytest.raises(ServiceUnloadable):
        await placements.check(*placed(replace(WINE_SERVICE, entry=Entry(code="raise"))))
    assert len(placements) == 0
