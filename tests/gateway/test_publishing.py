import asyncio
import re
from dataclasses import replace

import pytest

from hermetic.errors import (
    BadInput,
    BodyTooLarge,
    BundleRejected,
    NotPermitted,
    ServiceExists,
    ServiceNotFound,
    ServiceUnloadable,
    StorageFull,
)
from hermetic.gateway.publication import PatchRequest
from hermetic.gateway.publishing import Publishing
from hermetic.registry.bundles import GRACE
from hermetic.registry.disk import remove_tree
from hermetic.serving.service import Entry, EntryKind, ServiceKey
from tests.gateway.conftest import ANNA, BERT, OLGA, RITA
from tests.support.archives import in_pieces, zipped
from tests.support.gateway import BOUNDS, Box, coded
from tests.support.room import files_no_larger_than

DEADLINE_S = 10
WINE = ServiceKey("wine", "1")
MODEL = zipped({"files/score.py": b"x = 1", "workspace/model": b"dill"})
GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")


@pytest.fixture
def publishing(box: Box) -> Publishing:
    return box.publishing


async def with_model(publishing: Publishing) -> str:
    return await publishing.upload(ANNA, in_pieces(MODEL))


async def test_a_published_service_can_be_called_at_once(box: Box) -> None:
    view = await box.publishing.publish(ANNA, "wine", "1", coded())
    assert view.service.key == WINE
    assert box.routes.find(b"/api/wine/1") == WINE
    assert box.execution.placed[WINE] == view.service


async def test_without_a_version_each_gets_a_guid_and_the_newest_is_last(
    publishing: Publishing,
) -> None:
    versions = [
        (await publishing.publish(ANNA, "wine", None, coded())).service.key.version
        for _ in range(3)
    ]
    assert all(GUID.match(version) for version in versions)
    listed = await publishing.services(ANNA, "wine")
    assert [view.service.key.version for view in listed] == versions


async def test_the_same_version_twice_is_a_conflict_also_for_an_owner(
    publishing: Publishing,
) -> None:
    await publishing.publish(ANNA, "wine", "1", coded("first = 1"))
    for principal in (ANNA, OLGA):
        with pytest.raises(ServiceExists):
            await publishing.publish(principal, "wine", "1", coded("second = 1"))
    assert (await publishing.show(ANNA, "wine", "1")).service.entry.code == "first = 1"


async def test_of_many_at_once_exactly_one_is_published(box: Box) -> None:
    results = await asyncio.gather(
        *(box.publishing.publish(ANNA, "wine", "1", coded(f"x = {n}")) for n in range(10)),
        return_exceptions=True,
    )
    published = [result for result in results if not isinstance(result, BaseException)]
    assert len(published) == 1
    assert sum(isinstance(result, ServiceExists) for result in results) == 9
    assert box.execution.placed[WINE] == published[0].service


async def test_a_name_belongs_to_whoever_published_it(publishing: Publishing) -> None:
    await publishing.publish(ANNA, "wine", "1", coded())
    for version in ("1", "2", None):
        with pytest.raises(NotPermitted, match="belongs to somebody else"):
            await publishing.publish(BERT, "wine", version, coded())
    await publishing.publish(OLGA, "wine", "2", coded())
    await publishing.publish(ANNA, "wine", "3", coded())


async def test_two_who_want_one_name_at_once_do_not_both_get_it(publishing: Publishing) -> None:
    results = await asyncio.gather(
        publishing.publish(ANNA, "wine", "1", coded()),
        publishing.publish(BERT, "wine", "2", coded()),
        return_exceptions=True,
    )
    assert sum(isinstance(result, NotPermitted) for result in results) == 1


async def test_a_reader_publishes_nothing(box: Box) -> None:
    with pytest.raises(NotPermitted, match="Reader"):
        await box.publishing.publish(RITA, "wine", "1", coded())
    with pytest.raises(NotPermitted):
        await box.publishing.upload(RITA, in_pieces(MODEL))
    assert box.execution.checked == []


@pytest.mark.parametrize("name", ["", "..", "a/b", "a b", "a\n", "a" * 129, "ä", "%2e", "a\0"])
async def test_a_name_or_version_that_could_not_stand_in_an_address_is_refused(
    publishing: Publishing, name: str
) -> None:
    with pytest.raises(BadInput, match="cannot be a service's name"):
        await publishing.publish(ANNA, name, "1", coded())
    with pytest.raises(BadInput, match="cannot be a service's version"):
        await publishing.publish(ANNA, "wine", name, coded())
    assert await publishing.services(ANNA) == []


async def test_a_service_that_cannot_be_loaded_changes_nothing(box: Box) -> None:
    with pytest.raises(ServiceUnloadable):
        await box.publishing.publish(ANNA, "wine", "1", coded("raise ValueError"))
    assert await box.publishing.services(ANNA) == []
    assert box.routes.find(b"/api/wine/1") is None
    assert box.execution.placed == {}


async def test_a_full_disk_changes_nothing(box: Box) -> None:
    await box.publishing.publish(ANNA, "wine", "1", coded())
    large = coded("x = 1" * 100_000)
    with files_no_larger_than(300_000), pytest.raises(StorageFull):
        await box.publishing.publish(ANNA, "wine", "2", large)
    assert list(box.execution.placed) == list(box.routes) == [WINE]
    assert len(await box.publishing.services(ANNA)) == 1
    await box.publishing.publish(ANNA, "wine", "2", large)


async def test_a_service_gets_what_was_uploaded(box: Box) -> None:
    digest = await with_model(box.publishing)
    request = replace(coded(bundle=digest), entry=Entry(EntryKind.SCRIPT, target="score.py"))
    await box.publishing.publish(ANNA, "wine", "1", request)
    folder = box.execution.folders[WINE]
    assert folder is not None
    assert (folder / "files" / "score.py").read_text() == "x = 1"
    assert (folder / "workspace" / "model").read_bytes() == b"dill"


@pytest.mark.parametrize("digest", ["0" * 64, "../../hermetic.sqlite3", ""])
async def test_a_bundle_that_was_not_uploaded_is_refused(
    publishing: Publishing, digest: str
) -> None:
    with pytest.raises(BadInput, match="upload it first"):
        await publishing.publish(ANNA, "wine", "1", coded(bundle=digest))


async def test_a_snapshot_that_is_not_there_is_refused(publishing: Publishing) -> None:
    with pytest.raises(BadInput, match="no snapshot"):
        await publishing.publish(ANNA, "wine", "1", coded(snapshot_id="missing"))


async def test_a_snapshot_and_a_bundle_are_one_too_many(publishing: Publishing) -> None:
    digest = await with_model(publishing)
    with pytest.raises(BadInput, match="not from both"):
        await publishing.publish(ANNA, "wine", "1", coded(snapshot_id="x", bundle=digest))


async def test_an_upload_that_is_no_bundle_is_refused(publishing: Publishing) -> None:
    with pytest.raises(BundleRejected):
        await publishing.upload(ANNA, in_pieces(zipped({"/etc/passwd": b"x"})))
    with pytest.raises(BodyTooLarge):
        await publishing.upload(ANNA, in_pieces(b"x" * (BOUNDS.archive + 1)))


async def test_code_is_shown_to_its_publisher_and_owners_only(publishing: Publishing) -> None:
    request = replace(coded(), entry=Entry(code="secret = 1", init_code="more = 1"))
    await publishing.publish(ANNA, "wine", "1", request)
    seen = {}
    for principal in (ANNA, OLGA, BERT, RITA):
        view = await publishing.show(principal, "wine", "1")
        seen[principal.name] = (view.shows_code, view.service.entry.code, view.may_change)
        assert (view.service.entry.init_code is None) is not view.shows_code
        assert await publishing.services(principal) == [view]
    assert seen["anna"] == seen["olga"] == (True, "secret = 1", True)
    assert seen["bert"] == seen["rita"] == (False, "", False)


async def test_unknown_names_are_an_empty_list_and_unknown_versions_not_found(
    publishing: Publishing,
) -> None:
    await publishing.publish(ANNA, "wine", "1", coded())
    assert await publishing.services(ANNA, "beer") == []
    assert await publishing.services(ANNA, "../..") == []
    for name, version in (("wine", "2"), ("beer", "1"), ("..", "1"), ("\ud800", "1")):
        with pytest.raises(ServiceNotFound):
            await publishing.show(ANNA, name, version)


async def test_a_patch_takes_effect_and_keeps_the_rest(box: Box) -> None:
    before = (await box.publishing.publish(ANNA, "wine", "1", coded())).service
    view = await box.publishing.patch(ANNA, "wine", "1", PatchRequest(code="answer = 2"))
    assert view.service == replace(before, entry=Entry(code="answer = 2"))
    assert box.execution.placed[WINE] == view.service
    assert await box.publishing.show(ANNA, "wine", "1") == view


async def test_a_patch_of_the_description_replaces_no_worker(box: Box) -> None:
    await box.publishing.publish(ANNA, "wine", "1", coded())
    placed = box.execution.placed[WINE]
    await box.publishing.patch(ANNA, "wine", "1", PatchRequest(description="Anew"))
    assert (await box.publishing.show(ANNA, "wine", "1")).service.description == "Anew"
    assert box.execution.placed[WINE] is placed
    assert len(box.execution.checked) == 1


async def test_a_patch_that_cannot_be_loaded_leaves_the_old_one_served(box: Box) -> None:
    before = await box.publishing.publish(ANNA, "wine", "1", coded())
    with pytest.raises(ServiceUnloadable):
        await box.publishing.patch(ANNA, "wine", "1", PatchRequest(code="raise ValueError"))
    assert await box.publishing.show(ANNA, "wine", "1") == before
    assert box.execution.placed[WINE] == before.service


async def test_only_publisher_and_owners_change_or_delete(publishing: Publishing) -> None:
    await publishing.publish(ANNA, "wine", "1", coded())
    for principal in (BERT, RITA):
        with pytest.raises(NotPermitted):
            await publishing.patch(principal, "wine", "1", PatchRequest(description="Mine"))
        with pytest.raises(NotPermitted):
            await publishing.delete(principal, "wine", "1")
    await publishing.patch(OLGA, "wine", "1", PatchRequest(description="Ours"))
    assert (await publishing.show(ANNA, "wine", "1")).service.owner == "anna"
    await publishing.delete(OLGA, "wine", "1")


async def test_a_deleted_service_is_gone_and_its_name_free(box: Box) -> None:
    await box.publishing.publish(ANNA, "wine", "1", coded())
    await box.publishing.delete(ANNA, "wine", "1")
    assert box.routes.find(b"/api/wine/1") is None
    assert box.execution.placed == {}
    with pytest.raises(ServiceNotFound):
        await box.publishing.delete(ANNA, "wine", "1")
    with pytest.raises(ServiceNotFound):
        await box.publishing.patch(ANNA, "wine", "1", PatchRequest())
    await box.publishing.publish(BERT, "wine", "1", coded())


async def test_the_last_calls_of_a_deleted_service_keep_its_bundle(box: Box) -> None:
    digest = await with_model(box.publishing)
    await box.publishing.publish(ANNA, "wine", "1", coded(bundle=digest))
    box.clock.advance(GRACE * 10)
    await box.publishing.delete(ANNA, "wine", "1")
    assert await box.bundles.path(digest)
    box.clock.advance(GRACE)
    await box.publishing.sweep()
    with pytest.raises(BadInput, match="upload it first"):
        await box.publishing.publish(ANNA, "wine", "1", coded(bundle=digest))


async def test_all_services_are_callable_after_a_restart(box: Box) -> None:
    digest = await with_model(box.publishing)
    for version in ("2", "1"):
        await box.publishing.publish(ANNA, "wine", version, coded(bundle=digest))
    box.clock.advance(GRACE * 10)
    later = await box.restarted()
    assert list(later.execution.placed) == [ServiceKey("wine", "2"), WINE]
    assert later.execution.folders[WINE] == box.execution.folders[WINE]
    assert await later.publishing.services(ANNA) == await box.publishing.services(ANNA)
    assert later.routes.find(b"/api/wine/1") == WINE


async def test_a_service_without_its_bundle_is_set_aside_and_the_others_are_served(
    box: Box,
) -> None:
    digest = await with_model(box.publishing)
    await box.publishing.publish(ANNA, "wine", "1", coded(bundle=digest))
    await box.publishing.publish(ANNA, "beer", "1", coded())
    (await box.bundles.path(digest)).unlink()
    later = await box.restarted()
    assert list(later.execution.placed) == [ServiceKey("beer", "1")]
    assert "no bundle" in later.served.quarantined[WINE]
    assert len(await later.publishing.services(ANNA)) == 2
    again = await with_model(later.publishing)
    await later.publishing.patch(ANNA, "wine", "1", PatchRequest(bundle=again))
    assert later.served.quarantined == {}
    assert later.routes.find(b"/api/wine/1") == WINE


async def test_a_service_whose_bundle_is_damaged_is_set_aside(box: Box) -> None:
    digest = await with_model(box.publishing)
    await box.publishing.publish(ANNA, "wine", "1", coded(bundle=digest))
    path = await box.bundles.path(digest)
    path.chmod(0o600)
    path.write_bytes(b"garbage")
    remove_tree(box.home / "unpacked" / digest)
    later = await box.restarted()
    assert "damaged" in later.served.quarantined[WINE]
    assert later.routes.find(b"/api/wine/1") is None


async def test_a_publisher_who_goes_away_does_not_leave_half_a_service(box: Box) -> None:
    publishing = asyncio.ensure_future(box.publishing.publish(ANNA, "wine", "1", coded()))
    await asyncio.wait_for(box.execution.checking.wait(), DEADLINE_S)
    publishing.cancel()
    with pytest.raises(ServiceExists):
        await box.publishing.publish(ANNA, "wine", "1", coded())
    assert box.routes.find(b"/api/wine/1") == WINE
    assert WINE in box.execution.placed
