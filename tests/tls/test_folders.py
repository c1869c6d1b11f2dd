"""Folders with certificates, followed as they come, change and go."""

import shutil
from pathlib import Path

import pytest
import structlog

from hermetic.certificates.credential import Credential
from hermetic.certificates.roles import Role
from hermetic.clock import system_clock
from hermetic.errors import BadConfiguration
from hermetic.tls.by_name import ByName
from hermetic.tls.folders import Folders
from tests.support.certificates import Hierarchy


@pytest.fixture
def by_name() -> ByName:
    return ByName(clock=system_clock, role=Role.API)


@pytest.fixture
def folders(tmp_path: Path, by_name: ByName) -> Folders:
    return Folders(tmp_path, by_name)


def lay(place: Path, credential: Credential) -> None:
    place.mkdir(exist_ok=True)
    (place / "tls.crt").write_bytes(credential.chain_pem)
    (place / "tls.key").write_bytes(credential.key_pem)


def test_what_comes_changes_and_goes_is_followed(
    tmp_path: Path, authority: Hierarchy, by_name: ByName, folders: Folders
) -> None:
    folders.begin()
    assert by_name.chains == {}
    first, second = authority.issue("one.test"), authority.issue("one.test")
    lay(tmp_path / "one", first)
    lay(tmp_path / "two", authority.issue("two.test"))
    folders.look()
    assert {key: one.names for key, one in by_name.chains.items()} == {
        "one": ("one.test",),
        "two": ("two.test",),
    }
    lay(tmp_path / "one", second)
    shutil.rmtree(tmp_path / "two")
    folders.look()
    assert by_name.chains == {"one": second.chain}


def test_a_secret_volume_is_followed_by_its_link(
    tmp_path: Path, authority: Hierarchy, by_name: ByName, folders: Folders
) -> None:
    """As the kubelet lays it: a link that is exchanged, and the old folder removed."""
    place = tmp_path / "one"
    place.mkdir()
    for number in range(1, 6):
        made = authority.issue("one.test")
        lay(place / f"..{number}", made)
        (place / "..new").symlink_to(f"..{number}")
        (place / "..new").rename(place / "..data")
        for name in ("tls.crt", "tls.key"):
            if number == 1:
                (place / name).symlink_to(f"..data/{name}")
        shutil.rmtree(place / f"..{number - 1}", ignore_errors=True)
        folders.look()
        assert by_name.chains == {"one": made.chain}


def test_half_a_pair_is_waited_for(
    tmp_path: Path, authority: Hierarchy, by_name: ByName, folders: Folders
) -> None:
    first, second = authority.issue("one.test"), authority.issue("one.test")
    lay(tmp_path / "one", first)
    folders.begin()
    (tmp_path / "one" / "tls.crt").write_bytes(second.chain_pem)
    folders.look()
    assert by_name.chains == {"one": first.chain}
    assert by_name.troubles
    (tmp_path / "one" / "tls.key").write_bytes(second.key_pem)
    folders.look()
    assert by_name.chains == {"one": second.chain}
    assert not by_name.troubles


def test_what_is_no_certificate_is_told_and_left_out(
    tmp_path: Path, authority: Hierarchy, by_name: ByName, folders: Folders
) -> None:
    lay(tmp_path / "good", authority.issue("good.test"))
    (tmp_path / "empty").mkdir()
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "a file").write_text("no folder")
    (tmp_path / "leads nowhere").symlink_to("/nowhere")
    folders.begin()
    assert list(by_name.chains) == ["good"]
    assert list(by_name.troubles) == ["empty"]


def test_a_folder_that_is_not_there_keeps_the_node_from_starting(
    tmp_path: Path, by_name: ByName
) -> None:
    with pytest.raises(BadConfiguration, match="make it"):
        Folders(tmp_path / "missing", by_name).begin()


def test_a_folder_that_goes_away_takes_nothing_with_it(
    tmp_path: Path, authority: Hierarchy, by_name: ByName
) -> None:
    """A mount that is away for a moment must not close a thousand host names."""
    place = tmp_path / "front-ends"
    place.mkdir()
    lay(place / "one", authority.issue("one.test"))
    folders = Folders(place, by_name)
    folders.begin()
    place.rename(tmp_path / "elsewhere")
    with structlog.testing.capture_logs() as lines:
        folders.look()
        folders.look()
    assert [one["event"] for one in lines] == ["certificate.watch_failed"]
    assert list(by_name.chains) == ["one"]
    (tmp_path / "elsewhere").rename(place)
    folders.look()
    assert list(by_name.chains) == ["one"]


def test_a_thousand_looks_read_nothing_anew(
    tmp_path: Path, authority: Hierarchy, folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay(tmp_path / "one", authority.issue("one.test"))
    folders.begin()
    monkeypatch.setattr("hermetic.tls.folders.read_folder", None)  # would raise if it were called
    for _ in range(10):
        folders.look()


async def test_it_looks_again_and_again(
    tmp_path: Path, authority: Hierarchy, by_name: ByName
) -> None:
    class EndedError(Exception):
        pass

    looks = 0

    async def pause(seconds: float) -> None:
        nonlocal looks
        looks += 1
        if looks == 2:
            lay(tmp_path / "one", authority.issue("one.test"))
        if looks == 4:
            raise EndedError

    folders = Folders(tmp_path, by_name, pause)
    folders.begin()
    with pytest.raises(EndedError):
        await folders.run()
    assert list(by_name.chains) == ["one"]
