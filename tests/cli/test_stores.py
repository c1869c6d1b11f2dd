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
def theirs(reachable: Path) -> Home:
    """Return a home, not made yet, where every account could reach it."""
    return Home(reachable / "home")


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
def test_root_acts_as_the_owner_and_is_root_again(theirs: Home) -> None:
    before = os.getgroups()
    with opened(theirs, "nobody") as stores:
        assert (os.geteuid(), os.getegid(), os.getgroups()) == (
            NOBODY.pw_uid,
            NOBODY.pw_gid,
            [NOBODY.pw_gid],
        )
        stores.add(StoreLocation.LOCAL_MACHINE, StoreName.MY, hierarchy().issue())
    assert (os.geteuid(), os.getegid(), os.getgroups()) == (0, 0, before)
    owners = {path.lstat().st_uid for path in (theirs.root, *theirs.root.rglob("*"))}
    assert owners == {NOBODY.pw_uid}


@AS_ROOT
def test_root_is_root_again_after_an_error(theirs: Home) -> None:
    with pytest.raises(NotFound), opened(theirs, "nobody"):
        raise NotFound("inside")
    assert os.geteuid() == 0


@AS_ROOT
def test_a_link_that_the_owner_laid_leads_root_nowhere(theirs: Home) -> None:
    with opened(theirs, "nobody"):
        pass
    roots_own = theirs.root.with_name("roots-own")
    roots_own.mkdir(mode=0o700)
    theirs.stores.rmdir()
    theirs.stores.symlink_to(roots_own)
    with pytest.raises(BadConfiguration, match="cannot be used by this user"), opened(theirs):
        pass
    assert list(roots_own.iterdir()) == []


@AS_ROOT
def test_a_home_of_another_account_is_not_for_the_one_that_is_named(theirs: Home) -> None:
    theirs.create()
    told = f"sudo chown -R nobody {theirs.root}"
    with pytest.raises(BadConfiguration, match=told), opened(theirs, "nobody"):
        pass


@AS_ROOT
def test_anybody_else_is_told_whom_to_be(theirs: Home) -> None:
    theirs.create()
    os.seteuid(NOBODY.pw_uid)
    try:
        with pytest.raises(BadConfiguration, match="sudo -u root hermetic"), opened(theirs):
            pass
        with pytest.raises(BadConfiguration, match="chown"), existing(theirs):
            pass
    finally:
        os.seteuid(0)
