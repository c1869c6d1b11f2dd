import io
import json
import socket
from datetime import timedelta
from pathlib import Path

import pytest

from hermetic.client import api
from hermetic.client.api import Client
from hermetic.errors import (
    BadConfiguration,
    BadInput,
    BodyTooLarge,
    DeadlineExceeded,
    HermeticError,
    ServiceExists,
    TrustFailure,
    Unauthenticated,
    Unreachable,
)
from hermetic.wire.messages import PublishRequest
from hermetic.wire.problems import reply
from tests.client.conftest import Play
from tests.support.certificates import Hierarchy, hierarchy
from tests.support.played_node import Played

SERVICE = {
    "name": "wine",
    "version": "1.0",
    "versionPublishedBy": "admin",
    "creationTime": "2026-01-01T00:00:00.0000000",
    "snapshotId": None,
    "runtimeType": "Python",
    "initCode": None,
    "code": None,
    "description": None,
    "operationId": None,
    "inputParameterDefinitions": [{"name": "x", "type": "numeric"}],
    "outputParameterDefinitions": [],
    "outputFileNames": [],
    "myPermissionOnService": "read/write",
}


def answer(node: Played, value: object, status: int = 200) -> None:
    node.body, node.status = json.dumps(value).encode(), status


def test_login_fetches_a_token_that_later_requests_carry(node: Played, ca: Path) -> None:
    answer(
        node,
        {
            "token_type": "Bearer",
            "access_token": "t0k",
            "expires_in": 3600,
            "expires_on": 1,
            "refresh_token": "r",
        },
    )
    with Client(node.url, ca=ca) as client:
        client.login("admin", "secret")
        answer(node, [SERVICE])
        assert [one.name for one in client.services()] == ["wine"]
    (_, path, headers, body), (_, _, later, _) = node.asked
    assert (path, json.loads(body)) == ("/login", {"username": "admin", "password": "secret"})
    assert "authorization" not in headers
    assert later["authorization"] == "Bearer t0k"


def test_a_call_sends_its_inputs_and_returns_the_outputs(node: Played, ca: Path) -> None:
    answer(node, {"success": True, "errorMessage": "", "outputParameters": {"result": 3.5}})
    with Client(node.url, ca=ca, token="t") as client:
        got = client.call("wine", "1.0", x=1.5, name="b")
    assert (got.success, got.output_parameters) == (True, {"result": 3.5})
    method, path, headers, body = node.asked[0]
    assert (method, path, headers["content-type"]) == ("POST", "/api/wine/1.0", "application/json")
    assert json.loads(body) == {"x": 1.5, "name": "b"}


def test_publishing_uploads_the_bundle_and_names_it(node: Played, ca: Path) -> None:
    with Client(node.url, ca=ca, token="t") as client:
        answer(node, {"digest": "ab" * 32}, 201)
        digest = client.upload_bundle(io.BytesIO(b"PK" * (1 << 20)))
        answer(node, "1.0", 201)
        assert client.publish("wine", "1.0", PublishRequest(bundle=digest)) == "1.0"
        assert client.redeploy("wine", "1.0", PublishRequest(description="d")) == "1.0"
    (_, first, headers, body), (_, second, _, request), (method, _, _, _) = node.asked
    assert (first, second, method) == ("/bundles", "/services/wine/1.0", "PATCH")
    assert (headers["content-type"], len(body)) == ("application/zip", 2 << 20)
    assert json.loads(request)["bundle"] == digest


def test_names_cannot_lead_to_another_address(node: Played, ca: Path) -> None:
    answer(node, SERVICE)
    with Client(node.url, ca=ca) as client:
        client.service("../a b?c", "1/0")
        client.delete("wine", "1.0")
    assert [one[1] for one in node.asked] == [
        "/services/..%2Fa%20b%3Fc/1%2F0",
        "/services/wine/1.0",
    ]


@pytest.mark.parametrize(
    "error", [Unauthenticated("a"), BodyTooLarge("b"), ServiceExists("n", "v")]
)
def test_a_problem_comes_back_as_the_class_that_was_raised(
    node: Played, ca: Path, error: HermeticError
) -> None:
    node.status, _, node.body = reply(error, "0")
    with Client(node.url, ca=ca) as client, pytest.raises(type(error)) as caught:
        client.services()
    assert caught.value.text == error.text


def test_redirects_are_not_followed(node: Played, ca: Path) -> None:
    node.status, node.location = 302, "https://elsewhere.example/"
    with (
        Client(node.url, ca=ca, token="t") as client,
        pytest.raises(Unreachable, match="elsewhere"),
    ):
        client.services()
    assert len(node.asked) == 1


def test_an_answer_of_another_kind_is_no_node(node: Played, ca: Path) -> None:
    node.body = b"<html>"
    with Client(node.url, ca=ca) as client, pytest.raises(Unreachable, match="no Hermetic node"):
        client.services()


def test_a_certificate_of_a_stranger_is_refused_by_naming_ca_host_and_expiry(
    play: Play, ca: Path
) -> None:
    stranger = hierarchy(name="Stranger").issue()
    with play(stranger) as node, Client(node.url, ca=ca) as client:
        with pytest.raises(TrustFailure) as caught:
            client.login("admin", "secret")
        assert node.asked == []
    text = caught.value.text
    expiry = f"{stranger.chain.not_after:%Y-%m-%d %H:%M} UTC"
    for part in (str(ca), "localhost:", "Stranger intermediate", expiry, "--ca"):
        assert part in text


def test_a_certificate_for_other_names_is_refused_with_the_names(
    play: Play, ca: Path, authority: Hierarchy
) -> None:
    credential = authority.issue("node-7.example", "10.0.0.7")
    names = r"is for node-7\.example, 10\.0\.0\.7, not for localhost"
    refused = pytest.raises(TrustFailure, match=names)
    with play(credential) as node, Client(node.url, ca=ca) as client, refused:
        client.services()


@pytest.mark.parametrize(("days", "word"), [(-3, "valid from"), (3, "set the clock")])
def test_a_certificate_out_of_its_time_is_refused_with_its_dates(
    play: Play, ca: Path, authority: Hierarchy, days: int, word: str
) -> None:
    credential = authority.issue(now=authority.now + timedelta(days=days))
    refused = pytest.raises(TrustFailure, match=word)
    with play(credential) as node, Client(node.url, ca=ca) as client, refused as caught:
        client.services()
    assert f"{credential.chain.not_after:%Y-%m-%d %H:%M} UTC" in caught.value.text


def test_a_port_that_speaks_plain_http_is_named(play: Play, ca: Path) -> None:
    with play(None) as node:
        sealed = node.url.replace("http:", "https:")
        with Client(sealed, ca=ca) as client, pytest.raises(Unreachable, match="speak TLS"):
            client.services()


def test_plain_http_is_used_only_where_told(play: Play) -> None:
    with play(None) as node:
        answer(node, [])
        with pytest.raises(BadInput, match="plain HTTP"):
            Client(node.url)
        with Client(node.url, plain_http=True) as client:
            assert client.services() == []


def test_nobody_at_the_address_is_told_with_what_to_do(ca: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"https://localhost:{unused.getsockname()[1]}"
        with Client(url, ca=ca) as client, pytest.raises(Unreachable, match="hermetic up"):
            client.services()


def test_a_node_that_never_answers_is_given_up(ca: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}"
        gives_up = pytest.raises((Unreachable, DeadlineExceeded), match="did not answer")
        with Client(url, ca=ca, timeout_s=0.05) as client, gives_up:
            client.services()


@pytest.mark.parametrize("url", ["localhost:12800", "ftp://a", "https://", "https://u:p@host"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(BadInput):
        Client(url)


def test_a_ca_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    missing, empty = tmp_path / "missing.pem", tmp_path / "empty.pem"
    empty.write_text("")
    for path in (missing, empty):
        with pytest.raises(BadConfiguration, match=path.name):
            Client("https://localhost", ca=path)


def test_the_token_is_in_no_representation(ca: Path) -> None:
    with Client("https://localhost", ca=ca, token="t0k3n") as client:
        assert "t0k3n" not in repr(client)


def test_an_answer_without_end_is_given_up(
    node: Played, ca: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "_LONGEST", 1000)
    node.body = b" " * 1001
    with Client(node.url, ca=ca) as client, pytest.raises(Unreachable, match="1000 bytes"):
        client.services()


@pytest.mark.parametrize("status", [200, 400])
def test_an_answer_nested_without_end_is_no_nodes(node: Played, ca: Path, status: int) -> None:
    node.body, node.status = b"[" * 100_000 + b"]" * 100_000, status
    with Client(node.url, ca=ca) as client, pytest.raises(HermeticError):
        client.services()


def test_an_answer_is_not_asked_for_in_a_form_that_could_be_a_bomb(node: Played, ca: Path) -> None:
    node.body = b"[]"
    with Client(node.url, ca=ca) as client:
        client.services()
    assert node.asked[0][2]["accept-encoding"] == "identity"
