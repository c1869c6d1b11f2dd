"""What a client needs in its environment."""

from tests.compat.azureml.conftest import Desk
from tests.support.tokens import claims_of


async def test_its_variables_let_it_act_for_who_asked(desk: Desk) -> None:
    told = (await desk.ask("POST", "/azureml/environment")).json
    variables = told["variables"]
    assert variables["ARM_CLOUD_METADATA_URL"] == "https://localhost:12800/metadata/endpoints"
    secret = variables["MSI_SECRET"]
    token = (await desk.ask("GET", "/msi/token/", token="", secret=secret)).json["access_token"]
    assert claims_of(token)["sub"] == "admin"
    assert told["authority"].encode() == desk.deck.authority.root_pem
    assert told["config"]["workspace_name"] == "space"
    assert told["address"] == "10.0.0.7"


async def test_nobody_else_is_told(desk: Desk) -> None:
    assert (await desk.ask("POST", "/azureml/environment", token="")).status == 401
    assert (await desk.ask("GET", "/azureml/environment")).status == 405
