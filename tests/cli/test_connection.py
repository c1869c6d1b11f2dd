from pathlib import Path

import pytest

from hermetic.cli.connection import Reach, Target, connected, target
from hermetic.config.home import Home, write_record
from hermetic.errors import BadInput, Unauthenticated, Unreachable
from hermetic.wire.problems import reply
from tests.support.played_node import Played

HERE, THERE = "https://localhost:12800", "https://there.example:443"


@pytest.fixture
def known(home: Home) -> Home:
    write_record(home.running, {"url": HERE, "ca": "/here.pem", "pid": 1})
    write_record(home.client, {"url": THERE, "ca": "/there.pem", "token": "t0k"})
    return home


def test_the_node_logged_in_to_is_meant_before_the_one_that_runs(known: Home) -> None:
    assert target(Reach(known)) == Target(THERE, Path("/there.pem"), "t0k", plain_http=True)


def test_the_running_one_is_meant_where_nobody_logged_in(known: Home) -> None:
    known.client.unlink()
    assert target(Reach(known)) == Target(HERE, Path("/here.pem"), None, plain_http=True)


def test_the_environment_wins_over_what_is_remembered_and_a_flag_over_both(
    known: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HERMETIC_URL", HERE + "/")
    monkeypatch.setenv("HERMETIC_CA", "/env.pem")
    monkeypatch.setenv("HERMETIC_TOKEN", "env")
    assert target(Reach(known)) == Target(HERE, Path("/env.pem"), "env", plain_http=True)
    meant = target(Reach(known, "https://other.example", Path("/flag.pem")))
    assert (meant.url, meant.ca) == ("https://other.example", Path("/flag.pem"))


def test_a_remembered_token_is_sent_only_where_it_came_from(known: Home) -> None:
    meant = target(Reach(known, url="https://other.example"))
    assert (meant.token, meant.ca) == (None, None)
    assert "t0k" not in repr(target(Reach(known)))


def test_an_address_without_tls_that_nobody_agreed_to_is_refused(
    known: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HERMETIC_TOKEN", "t")
    reach = Reach(known, url="http://other.example")
    with pytest.raises(BadInput, match="plain HTTP"), connected(reach):
        pass


def test_nobody_who_is_not_logged_in_gets_through(known: Home) -> None:
    reach = Reach(known, url="https://other.example")
    with pytest.raises(Unauthenticated, match="hermetic login"), connected(reach):
        pass


def test_without_any_node_the_way_to_one_is_told(home: Home) -> None:
    with pytest.raises(Unreachable, match="hermetic up"):
        target(Reach(home))


def test_a_token_that_is_no_longer_good_leads_to_login(logged_in: Played, home: Home) -> None:
    expired = Unauthenticated("The token has expired.")
    logged_in.failures["GET /services"] = reply(expired, "1").body
    refused = pytest.raises(Unauthenticated, match=r"expired\. Log in again with `hermetic login`")
    with refused, connected(Reach(home)) as client:
        client.services()
