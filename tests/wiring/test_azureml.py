"""The face of Azure ML as part of one box: what a running node answers."""

import asyncio
import os
import socket
import ssl
import time
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from hermetic.client.api import Client
from hermetic.config.azureml import AzureMl
from hermetic.config.home import Home
from hermetic.wiring.life import Ready
from tests.support.waiting import until
from tests.wiring.test_onebox import PASSWORD, SETTINGS, during

STORAGE = "hermetic.blob.hermetic.internal"


def metadata(ready: Ready) -> int:
    verify = ssl.create_default_context(cafile=str(ready.ca))
    with httpx2.Client(verify=verify, trust_env=False) as client:
        return client.get(f"{ready.url}/metadata/endpoints").status_code


def storage(ready: Ready) -> object:
    """Return what is presented to who sends files."""
    context = ssl.create_default_context(cafile=str(ready.ca))
    port = int(ready.url.rpartition(":")[2])
    with (
        socket.create_connection(("localhost", port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=STORAGE) as sealed,
    ):
        return (sealed.getpeercert() or {})["subjectAltName"]


def environment(ready: Ready) -> tuple[list[str], str]:
    with Client(ready.url, ca=ready.ca) as client:
        client.login("admin", PASSWORD)
        told = client.azureml_environment()
        listed = [one.entry for one in client.certificates()]
    assert ready.ca is not None
    assert told.authority == ready.ca.read_text()
    return listed, told.address


def test_clients_of_azure_ml_are_answered(home: Home) -> None:
    assert during(home, metadata) == [200]


def test_their_storage_has_a_certificate_of_its_own(home: Home) -> None:
    assert during(home, storage) == [(("DNS", STORAGE),)]


def test_who_logged_in_is_told_what_a_client_needs(home: Home) -> None:
    assert during(home, environment) == [
        (["api", "front-end-storage", "token-signing"], "127.0.0.1")
    ]


def test_it_may_be_left_out(home: Home) -> None:
    settings = replace(SETTINGS, azureml=AzureMl(enabled=False))
    assert during(home, metadata, settings) == [401]  # as any address that is none


@pytest.fixture
def plain(home: Home) -> tuple[Home, int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return home, free.getsockname()[1]


def test_plain_http_is_answered_where_it_was_chosen(plain: tuple[Home, int]) -> None:
    home, port = plain
    settings = replace(SETTINGS, azureml=AzureMl(plain_http=True, http_port=port))

    def visit(_ready: Ready) -> list[int]:
        with httpx2.Client(trust_env=False) as client:
            paths = ("/", "/services", "/metadata/endpoints", "/api/v1/service/none/score")
            return [client.get(f"http://localhost:{port}{path}").status_code for path in paths]

    assert during(home, visit, settings) == [[404, 404, 404, 404]]


def test_what_an_upload_left_behind_is_cleared_away(home: Home) -> None:
    left: Path = home.uploads / "left"
    left.mkdir(parents=True)
    during(home, metadata)
    assert not left.exists()


def aged(home: Home) -> Path:
    """Lay an environment there that nobody has used for two days."""
    place = home.environments / ("a" * 64)
    place.mkdir(parents=True)
    ready, old = place / "ready", time.time() - 2 * 86400
    ready.touch()
    os.utime(ready, (old, old))
    return place


def test_what_nothing_is_deployed_with_is_swept_at_the_start(home: Home) -> None:
    place = aged(home)
    waited = during(home, lambda _ready: asyncio.run(until(lambda: not place.exists())))
    assert waited == [None]
    assert not place.exists()


def test_without_the_face_nobody_knows_what_is_used_and_all_stays(home: Home) -> None:
    place = aged(home)
    settings = replace(SETTINGS, azureml=AzureMl(enabled=False))
    during(home, metadata, settings)
    assert place.exists()
