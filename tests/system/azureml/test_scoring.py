"""Calls of what both clients deployed: keys, tokens, and what goes wrong."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from tests.support.applications import Applications
from tests.support.azureml import AzureMl, uri_of
from tests.support.product import Product

pytestmark = [pytest.mark.slow, pytest.mark.system]


@pytest.fixture(scope="module")
def uri(client: AzureMl, service: str) -> str:
    return uri_of(client, service)


def test_one_of_two_keys_is_needed(client: AzureMl, service: str, uri: str) -> None:
    primary, secondary = client.play("keys", name=service)
    statuses = [
        client.play("call", uri=uri, key=key, x=1)["status"]
        for key in (None, "wrong", primary, secondary)
    ]
    assert statuses == [401, 401, 200, 200]


def test_one_key_is_replaced_and_the_other_stays(client: AzureMl, service: str, uri: str) -> None:
    primary, secondary = client.play("keys", name=service)
    fresh, same = client.play("regenerate", name=service, which="Primary")
    assert fresh != primary
    assert same == secondary
    statuses = [client.play("call", uri=uri, key=key)["status"] for key in (primary, fresh, same)]
    assert statuses == [401, 200, 200]
    assert client.play("run", name=service, x=1)["accepted"]
    chosen = client.play("regenerate", name=service, which="Secondary", to="chosen-by-me")
    assert chosen[1] == "chosen-by-me"


def test_a_key_of_another_service_is_none(
    client: AzureMl, cluster: str, service: str, uri: str
) -> None:
    client.play("deploy", name="neighbour", on=cluster, num_replicas=1)
    (other, _), (own, _) = (client.play("keys", name=one) for one in ("neighbour", service))
    assert client.play("call", uri=uri, key=other)["status"] == 401
    beside = uri.replace("/wine/", "/neighbour/")
    assert client.play("call", uri=beside, key=own)["status"] == 401
    client.play("delete", name="neighbour")


def test_tokens_take_the_place_of_keys(client: AzureMl, cluster: str) -> None:
    client.play("deploy", name="tokens", on=cluster, num_replicas=1)
    uri, (primary, _) = uri_of(client, "tokens"), client.play("keys", name="tokens")
    assert "token_auth" in client.play("token", name="tokens")["text"]
    client.play("update", name="tokens", auth_enabled=False, token_auth_enabled=True)
    token = client.play("token", name="tokens")["accepted"]
    statuses = [client.play("call", uri=uri, key=key)["status"] for key in (primary, token)]
    assert statuses == [401, 200]
    assert client.play("run", name="tokens", x=1)["accepted"]["got"] == {"x": 1}
    client.play("delete", name="tokens")


def test_a_token_of_a_person_calls_nothing(client: AzureMl, product: Product, uri: str) -> None:
    assert client.play("call", uri=uri, key=product.token())["status"] == 401


def test_services_of_their_own_have_no_tokens(client: AzureMl) -> None:
    client.play("deploy", name="plain")
    assert client.play("token", name="plain")["raised"] == "NotImplementedError"
    client.play("delete", name="plain")


def test_headers_and_models_reach_the_script(client: AzureMl, service: str, uri: str) -> None:
    primary, _ = client.play("keys", name=service)
    answer = client.play("call", uri=uri, key=primary, headers={"x-told": "a word"}, x=1)
    assert answer["body"] == {"got": {"x": 1}, "models": ["model.bin"], "told": "a word"}
    assert answer["headers"]["x-ms-run-function-failed"] == "False"
    assert float(answer["headers"]["x-ms-run-fn-exec-ms"]) > 0
    assert answer["headers"]["x-ms-request-id"]


def test_a_script_that_raises_is_behind_a_gateway(client: AzureMl, service: str, uri: str) -> None:
    primary, _ = client.play("keys", name=service)
    answer = client.play("call", uri=uri, key=primary, **{"raise": True})
    assert answer["status"] == 502
    assert answer["headers"]["x-ms-run-function-failed"] == "True"
    assert answer["body"] == {"message": "ValueError: as it was asked for"}
    assert "in run" in client.play("log", name=service)


def test_who_takes_too_long_is_told_so(client: AzureMl, cluster: str) -> None:
    client.play("deploy", name="slow", on=cluster, num_replicas=1, scoring_timeout_ms=300)
    uri, (primary, _) = uri_of(client, "slow"), client.play("keys", name="slow")
    assert client.play("call", uri=uri, key=primary, sleep=5)["status"] == 504
    assert client.play("call", uri=uri, key=primary, sleep=0)["status"] == 200
    client.play("delete", name="slow")


def test_who_is_too_many_is_told_so(client: AzureMl, product: Product, cluster: str) -> None:
    options = {"num_replicas": 1, "max_request_wait_time": 100}
    client.play("deploy", name="narrow", on=cluster, **options)
    uri, (primary, _) = uri_of(client, "narrow"), client.play("keys", name="narrow")
    with Applications(uri, primary, str(product.ca)) as callers, ThreadPoolExecutor(4) as pool:
        statuses = sorted(pool.map(lambda _: callers.call(sleep=1.5), range(4)))
    assert statuses == [200, 503, 503, 503]
    client.play("delete", name="narrow")


def called_at_once(client: AzureMl, product: Product, names: list[str]) -> list[int]:
    """Call the services *names* at once, each for longer than a call waits for its turn."""
    callers = [
        Applications(uri_of(client, name), client.play("keys", name=name)[0], str(product.ca))
        for name in names
    ]
    with ExitStack() as opened, ThreadPoolExecutor(len(names)) as pool:
        ready = [opened.enter_context(one) for one in callers]
        return sorted(pool.map(lambda one: one.call(sleep=2), ready))


def test_services_share_the_agents_of_their_compute(client: AzureMl, product: Product) -> None:
    made = client.play("compute", name="small", ssl={"leaf_domain_label": "small"}, agents=1)
    client.resolve(made["accepted"]["cname"])
    names = ["first", "second"]
    for name in names:
        client.play("deploy", name=name, on="small", num_replicas=2, max_request_wait_time=100)
    assert "runs 1 for all" in client.play("log", name="first")
    assert called_at_once(client, product, names) == [200, 503]
    assert client.play("grow", name="small", agents=2)["accepted"] == 2
    assert called_at_once(client, product, names) == [200, 200]
    for name in names:
        client.play("delete", name=name)


def test_a_service_describes_itself(client: AzureMl, service: str, uri: str) -> None:
    primary, _ = client.play("keys", name=service)
    swagger = client.play("show", name=service)["accepted"]["swagger"]
    told = client.play("call", uri=swagger, key=primary, method="GET")["body"]
    assert told["swagger"] == "2.0"
    assert told["schemes"] == ["https"]
    assert f"/api/v1/service/{service}/score" in told["paths"]
    assert client.play("call", uri=swagger, method="GET")["status"] == 401


def test_a_renewal_is_seen_at_once_and_fails_no_call(
    client: AzureMl, product: Product, cluster: str, service: str, uri: str
) -> None:
    primary, _ = client.play("keys", name=service)
    with Applications(uri, primary, str(product.ca)) as callers:
        load = callers.in_the_background(16)
        before = callers.serial()
        renewed = client.play(
            "update_compute", name=cluster, leaf_domain_label="contoso", renew=True
        )
        ended = time.monotonic()
        while callers.serial() == before:
            assert time.monotonic() - ended < 1
        answered, failed = load.stop()
    assert renewed["accepted"]["status"] == "Auto"
    assert answered > 0
    assert failed == []
