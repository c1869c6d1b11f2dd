"""The unmodified client of ML Server 9.x against the running product, over verified TLS.

The numbers are those of the acceptance list for the protocol; the batch, real-time and role
scenarios (19 to 24, 26 on) belong to parts of the product that do not exist yet.
"""

import json
from collections.abc import Iterator

import pytest

from tests.support import product as products
from tests.support.product import PASSWORD, Product
from tests.support.retired_client import RetiredClient

pytestmark = [pytest.mark.slow, pytest.mark.system]


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    box = products.start(tmp_path_factory.mktemp("retired") / "home")
    yield box
    assert box.stop() == 0


@pytest.fixture(scope="module")
def client(product: Product) -> Iterator[RetiredClient]:
    with RetiredClient(product) as retired:
        retired.play("login", password=PASSWORD)
        retired.play("deploy_add")
        yield retired


def test_01_right_credentials_log_in(client: RetiredClient) -> None:
    assert client.play("login", password=PASSWORD).startswith("Bearer")


def test_02_a_wrong_password_is_401_with_a_message(client: RetiredClient) -> None:
    refusal = client.play("wrong_login")
    assert refusal["status"] == 401
    assert json.loads(refusal["body"])["message"]


@pytest.mark.parametrize("token", ["x", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.", ""])
def test_03_a_token_that_is_none_of_ours_is_401(client: RetiredClient, token: str) -> None:
    assert client.play("bad_token", token=token)["status"] == 401


def test_04_a_function_deploys_with_model_object_init_and_artifact(client: RetiredClient) -> None:
    deployed = client.play("deploy_add", version="4.0")
    assert deployed == {"class": "AddService", "method": True}


def test_05_consuming_answers_by_position_and_by_name(client: RetiredClient) -> None:
    seen = client.play("consume_add", x=1.5, y=2.0)
    assert seen["outputs"]["answer"] == seen["named"] == 2.0 * 1.5 + 1.0 + 20.0 + 0.5
    assert "init was here" in seen["console"]
    assert "adding 1.5 and 2.0" in seen["console"]
    assert seen["error"] == ""
    assert seen["artifact"] == "sum 3.5"


def test_06_deploying_leaves_no_session_and_no_snapshot(
    client: RetiredClient, product: Product
) -> None:
    with product.client(product.token()) as http:
        assert http.get("/snapshots").json() == []
        assert http.get("/sessions").json() == []
    assert client.play("consume_add")["error"] == ""


def test_07_an_artifact_that_was_not_written_is_none(client: RetiredClient) -> None:
    assert client.play("declared_artifact_missing") == {"never.txt": None}


def test_08_code_that_raises_is_reported_and_the_next_call_works(client: RetiredClient) -> None:
    failed, good = client.play("failing_code")
    assert "KeyError" in failed["error"]
    assert "no negative x" in failed["error"]
    assert failed["outputs"] == {"answer": None}
    assert good["outputs"] == {"answer": 4}


def test_09_all_seven_types_come_back_equal(client: RetiredClient) -> None:
    seen = client.play("seven_types")
    assert seen["error"] == ""
    assert seen["equal"] == [True] * 7
    assert seen["types"] == ["int", "float", "str", "bool", "ndarray", "matrix", "DataFrame"]
    assert seen["columns"] == ["z", "a", "m"]
    assert seen["kinds"] == "int float str bool ndarray matrix DataFrame"


def test_09_five_inputs_arrive_in_order(client: RetiredClient) -> None:
    assert client.play("five_inputs") == 15


def test_10_services_without_inputs_or_alias_can_be_consumed(client: RetiredClient) -> None:
    assert client.play("without_inputs") == [42, "hello"]


def test_11_the_same_version_again_is_409_and_leaves_nothing(
    client: RetiredClient, product: Product
) -> None:
    assert client.play("deploy_again")["status"] == 409
    with product.client(product.token()) as http:
        assert http.get("/snapshots").json() == []
        assert http.get("/sessions").json() == []


def test_12_without_a_version_one_is_made_and_the_newest_is_found(client: RetiredClient) -> None:
    first, second, newest, answer = client.play("without_version")
    assert len({first, second}) == 2
    assert len(first) == 36
    assert (newest, answer) == (second, 2)


def test_13_services_are_listed_whole_by_name_and_by_version(client: RetiredClient) -> None:
    seen = client.play("lists")
    assert {"add", "listed"} <= set(seen["all"])
    assert seen["versions"] == ["1", "2", "10"]
    assert (seen["one"], seen["none"]) == (["2"], [])
    assert seen["unknown"]["status"] == 404


def test_14_an_unknown_service_is_the_clients_own_error(client: RetiredClient) -> None:
    assert "No service found" in client.play("unknown_service")["value_error"]


def test_15_capabilities_tell_everything(client: RetiredClient, product: Product) -> None:
    seen = client.play("capabilities")
    assert seen["api"] == "/api/add/1.0"
    assert (seen["name"], seen["version"], seen["runtime"]) == ("add", "1.0", "Python")
    assert seen["published_by"] == "admin"
    assert seen["inputs"] == [{"name": "x", "type": "numeric"}, {"name": "y", "type": "numeric"}]
    assert seen["artifacts"] == ["a.txt"]
    assert seen["operation_id"] == "add"
    assert seen["swagger"] == f"{product.url}/api/add/1.0/swagger.json"
    assert seen["creation_time"]
    assert seen["snapshot_id"]


def test_16_swagger_describes_login_and_the_call(client: RetiredClient, product: Product) -> None:
    document = json.loads(client.play("swagger"))
    assert document["swagger"] == "2.0"
    call = document["paths"]["/api/add/1.0"]["post"]
    assert call["operationId"] == "add"
    login = document["paths"]["/login"]["post"]
    with product.client() as http:
        secret = {"username": "admin", "password": PASSWORD}
        assert set(document["definitions"]["LoginRequest"]["properties"]) == set(secret)
        token = http.post("/login", json=secret).json()["access_token"]
        http.headers[document["securityDefinitions"]["Bearer"]["name"]] = f"Bearer {token}"
        inputs = dict.fromkeys(document["definitions"]["InputParameters"]["properties"], 1.0)
        answer = http.post("/api/add/1.0", json=inputs).json()
    assert login["operationId"] == "login"
    assert set(document["definitions"]["OutputParameters"]["properties"]) == {"answer"}
    assert answer["success"] is True


def test_17_redeploying_code_and_model_changes_the_answer_only(client: RetiredClient) -> None:
    seen = client.play("redeploy_code")
    assert seen == {"answer": 120.5, "same_version": True, "same_creation": True}


def test_18_redeploying_a_description_keeps_code_and_workspace(client: RetiredClient) -> None:
    before = client.play("consume_add")["outputs"]["answer"]
    assert client.play("redeploy_description") == ["now described anew", before]


def test_18_redeploying_an_unknown_version_is_404(client: RetiredClient) -> None:
    assert client.play("redeploy_unknown")["status"] == 404


def test_25_deleting_works_once(client: RetiredClient) -> None:
    deleted, again, unversioned = client.play("delete")
    assert deleted is True
    assert again["status"] == 404
    assert "version" in unversioned["value_error"]
