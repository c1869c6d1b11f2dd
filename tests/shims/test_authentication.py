"""Who is vouched for, and by what."""

import json
from pathlib import Path

import pytest

from azureml.core.authentication import (
    ArmTokenAuthentication,
    AzureCliAuthentication,
    InteractiveLoginAuthentication,
    MsiAuthentication,
    ServicePrincipalAuthentication,
    TokenAuthentication,
)
from azureml.exceptions import AuthenticationException
from hermetic.config.home import Home
from tests.shims.conftest import Tell


def test_who_logged_in_is(tmp_path: Path) -> None:
    record = Home(tmp_path).client
    record.write_text(json.dumps({"url": "https://x", "token": "t"}))
    record.chmod(0o600)
    for kind in (AzureCliAuthentication, InteractiveLoginAuthentication):
        assert kind().get_authentication_header() == {"Authorization": "Bearer t"}


@pytest.mark.parametrize(
    "kind", [AzureCliAuthentication, InteractiveLoginAuthentication, MsiAuthentication]
)
def test_nobody_is_not(kind: type) -> None:
    with pytest.raises(AuthenticationException, match="hermetic"):
        kind()


def test_a_token_is_shown_and_replaced() -> None:
    who = ArmTokenAuthentication("one")
    assert who.get_token() == "one"
    who.update_arm_access_token("two")
    assert who.get_token() == "two"
    with pytest.raises(AuthenticationException):
        who.update_arm_access_token("")


def test_a_function_is_asked_each_time() -> None:
    tokens = iter(["one", "two"])
    who = TokenAuthentication(lambda _audience: next(tokens))
    assert [who.get_token(), who.get_token()] == ["one", "two"]


def test_service_principals_are_told_what_there_is_instead() -> None:
    with pytest.raises(AuthenticationException, match="MsiAuthentication"):
        ServicePrincipalAuthentication("tenant", "id", "password")


def test_an_endpoint_that_does_not_answer_is_named(tell: Tell) -> None:
    tell(MSI_ENDPOINT="http://127.0.0.1:1/msi/token", MSI_SECRET="the-secret")
    with pytest.raises(AuthenticationException, match=r"127\.0\.0\.1:1") as refused:
        MsiAuthentication().get_authentication_header()
    assert "the-secret" not in str(refused.value)
