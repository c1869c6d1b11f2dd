"""Whether a name leads here, told in three words."""

import json
from collections.abc import Iterator, Mapping

import pytest

from hermetic.cli import main
from tests.support.bind import Bind, needs_bind, running
from tests.support.played_node import Played

pytestmark = [pytest.mark.slow, needs_bind]

Captured = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def bind() -> Iterator[Bind]:
    with running(
        "here 45 IN A 127.0.0.1",
        "api IN A 203.0.113.7",
        "both IN A 203.0.113.7",
        "both IN A 203.0.113.8",
    ) as server:
        yield server


def checked(bind: Bind, *words: str) -> int:
    server = ["--server", "127.0.0.1", "--server-port", str(bind.port)]
    return main.run(["dns", "check", *words, *server])


def test_a_name_of_this_machine_is_ok(bind: Bind, capsys: Captured) -> None:
    assert checked(bind, "here.site.test", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["verdict"], told["ttlSeconds"]) == ("ok", 45)


def test_a_name_of_the_front_end_that_is_said_is_ok(bind: Bind, capsys: Captured) -> None:
    assert checked(bind, "api.site.test", "--address", "203.0.113.7") == 0
    assert "TTL        300 s" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "stranger"),
    [
        (["api.site.test"], "203.0.113.7"),
        (["api.site.test", "--address", "203.0.113.9"], "203.0.113.7"),
        (["both.site.test", "--address", "203.0.113.7"], "203.0.113.8"),
    ],
)
def test_a_name_that_leads_elsewhere_is_told_with_where(
    bind: Bind, capsys: Captured, words: list[str], stranger: str
) -> None:
    assert checked(bind, *words) == 1
    shown = capsys.readouterr()
    assert "points elsewhere" in shown.out
    assert f"{stranger} is not" in shown.err


def test_a_name_that_is_not_there_does_not_resolve(bind: Bind, capsys: Captured) -> None:
    assert checked(bind, "none.site.test", "--json") == 1
    assert json.loads(capsys.readouterr().out)["verdict"] == "does not resolve"


def test_what_is_no_address_is_said(bind: Bind, capsys: Captured) -> None:
    assert checked(bind, "here.site.test", "--address", "here") == 65
    assert "203.0.113.7" in capsys.readouterr().err


ROOT = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"
SPACE = {"subscription_id": "s", "resource_group": "g", "workspace_name": "w", "region": "west"}
OWN = {"computeType": "ACI", "publicFqdn": "api.site.test", "publicIp": "203.0.113.7"}
SHARED = {"computeType": "AKS", "computeName": "cluster"}
URI = "https://api.site.test:443/api/v1/service/wine/score"


def told(node: Played, service: Mapping[str, object], cname: str | None = "api.site.test") -> None:
    """Let the node tell of a service and of the compute it may be on."""
    front = {"systemServices": [{"publicIpAddress": "203.0.113.7"}]}
    compute = {**front, "sslConfiguration": {"cname": cname}}
    answers: dict[str, object] = {
        "/azureml/workspace": SPACE,
        f"/modelmanagement/v1.0{ROOT}/services/wine": service,
        f"{ROOT}/computes/cluster": {"properties": {"properties": compute}},
    }
    node.answers |= {f"GET {path}": json.dumps(one).encode() for path, one in answers.items()}


@pytest.mark.parametrize(
    ("service", "words", "uri"),
    [
        ({**OWN, "scoringUri": URI}, ["--service", "wine"], URI),
        ({**SHARED, "scoringUri": URI}, ["--service", "wine"], URI),
        ({**SHARED, "scoringUri": None}, ["--service", "wine"], None),
        (SHARED, ["--compute", "cluster"], None),
    ],
)
def test_a_service_is_asked_for_by_its_own_name(
    bind: Bind,
    logged_in: Played,
    capsys: Captured,
    service: Mapping[str, object],
    words: list[str],
    uri: str | None,
) -> None:
    told(logged_in, service)
    assert checked(bind, *words, "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["verdict"], shown["name"]) == ("ok", "api.site.test")
    assert (shown["reachedAt"], shown["scoringUri"]) == ("203.0.113.7", uri)


def test_one_whose_name_leads_elsewhere_is_told_with_both(
    bind: Bind, logged_in: Played, capsys: Captured
) -> None:
    told(logged_in, {**OWN, "publicFqdn": "here.site.test", "scoringUri": URI})
    assert checked(bind, "--service", "wine") == 1
    shown = capsys.readouterr()
    assert "points elsewhere" in shown.out
    assert "reached at   203.0.113.7" in shown.out
    assert "127.0.0.1 is not 203.0.113.7" in shown.err


def test_an_address_that_is_said_wins_over_that_of_the_node(
    bind: Bind, logged_in: Played, capsys: Captured
) -> None:
    told(logged_in, {**OWN, "publicFqdn": "here.site.test", "scoringUri": URI})
    assert checked(bind, "--service", "wine", "--address", "127.0.0.1") == 0


def test_one_without_a_name_is_said_to_have_none(
    bind: Bind, logged_in: Played, capsys: Captured
) -> None:
    uri = "http://203.0.113.7:80/api/v1/service/wine/score"
    told(logged_in, {**SHARED, "scoringUri": uri}, None)
    for words in (["--service", "wine"], ["--compute", "cluster"]):
        assert checked(bind, *words) == 1
        shown = capsys.readouterr()
        assert "has no name" in shown.out
        assert "is called at" in shown.err
        assert "203.0.113.7" in shown.err


def test_one_that_is_not_there_is_said(bind: Bind, logged_in: Played, capsys: Captured) -> None:
    told(logged_in, OWN)
    missing = {"type": "not-found", "status": 404, "detail": "There is no service 'none'."}
    path = f"GET /modelmanagement/v1.0{ROOT}/services/none"
    logged_in.failures[path] = json.dumps(missing).encode()
    assert checked(bind, "--service", "none") == 66


@pytest.mark.parametrize("words", [[], ["here.site.test", "--service", "wine"]])
def test_one_thing_is_checked_at_a_time(bind: Bind, words: list[str], capsys: Captured) -> None:
    assert checked(bind, *words) == 2
    assert "Say one of" in capsys.readouterr().err
