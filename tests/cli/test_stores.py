"""The stores of a home, opened as its owner: by the owner, by root, and by nobody else."""

import os
import pwd
from pathlib import Path

import pytest
import structlog

from hermetic.certificates.selection import StoreLocation, StoreName
from hermetic.cli.stores import existing, opened
from hermetic.config.home import Home
from hermetic.errors import BadConfiguration, BadInput, NotFound
from tests.support.certificates import hierarchy

NOBODY = pwd.getpwnam("nobody")
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act for another account")
ME = pwd.getpwuid(os.geteuid()).pw_name


@pytest.fixture
def reachable(tmp_path: Path) -> Home:
    """Return a home, not made yet, in a folder that every account can reach."""
    for folder in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        folder.chmod(0o755)
    return Home(tmp_path / "home")


def test_home_and_stores_are_made_at_the_first_opening(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    with pytest.raises(NotFound, match="no certificate stores"), existing(home):
        pass
    assert not home.root.exists()
    with opened(home, ME) as stores:
        assert stores.roots() == ()
    with existing(home) as stores:
        assert stores.folder() == home.stores


def test_an_unknown_account_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no account 'whoever'"), opened(Home(tmp_path), "whoever"):
        pass


def test_the_log_is_as_before_after_it(tmp_path: Path) -> None:
    before = structlog.get_config()
    with opened(Home(tmp_path / "home")):
        assert structlog.get_config() != before
    assert structlog.get_config() == before


@AS_ROOT
def test_root_acts_as_the_owner_and_is_root_again(reachable: Home) -> None:
    before = os.getgroups()
    with opened(reachable, "nobody") as stores:
        assert (os.geteuid(), os.getegid(), os.getgroups()) == (
            NOBODY.pw_uid,
            NOBODY.pw_gid,
            [NOBODY.pw_gid],
        )
        stores.add(StoreLocation.LOCAL_MACHINE, StoreName.MY, hierarchy().issue())
    assert (os.geteuid(), os.getegid(), os.getgroups()) == (0, 0, before)
    owners = {path.lstat().st_uid for path in (reachable.root, *reachable.root.rglob("*"))}
    assert owners == {NOBODY.pw_uid}


@AS_ROOT
def test_root_is_root_again_after_an_error(reachable: Home) -> None:
    with pytest.raises(NotFound), opened(reachable, "nobody"):
        raise NotFound("inside")
    assert os.geteuid() == 0


@AS_ROOT
def test_a_link_that_the_owner_laid_leads_root_nowhere(reachable: Home, tmp_path: Path) -> None:
    with opened(reachable, "nobody"):
        pass
    roots_own = tmp_path / "roots-own"
    roots_own.mkdir(mode=0o700)
    reachable.stores.rmdir()
    reachable.stores.symlink_to(roots_own)
    with pytest.raises(BadConfiguration, match="cannot be used by this user"), opened(reachable):
        pass
    assert list(roots_own.iterdir()) == []


@AS_ROOT
def test_a_home_of_another_account_is_not_for_the_one_that_is_named(reachable: Home) -> None:
    reachable.create()
    told = f"sudo chown -R nobody {reachable.root}"
    with pytest.raises(BadConfiguration, match=told), opened(reachable, "nobody"):
        pass


@AS_ROOT
def test_anybody_else_is_told_whom_to_be(reachable: Home) -> None:
    reachable.create()
    os.seteuid(NOBODY.pw_uid)
    try:
        with pytest.raises(BadConfiguration, match="sudo -u root hermetic"), opened(reachable):
            pass
        with pytest.raises(BadConfiguration, match="chown"), existing(reachable):
            pass
    finally:
        os.seteuid(0)
