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

NAMES = ("MSI_ENDPOINT", "MSI_SECRET", "HERMETIC_TOKEN", "HERMETIC_URL")


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Home:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HERMETIC_HOME", str(tmp_path))
    return Home(tmp_path)


def test_who_logged_in_is(nobody: Home) -> None:
    nobody.client.write_text(json.dumps({"url": "https://x", "token": "t"}))
    nobody.client.chmod(0o600)
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


def test_an_endpoint_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MSI_ENDPOINT", "http://127.0.0.1:1/msi/token")
    monkeypatch.setenv("MSI_SECRET", "the-secret")
    with pytest.raises(AuthenticationException, match=r"127\.0\.0\.1:1") as refused:
        MsiAuthentication().get_authentication_header()
    assert "the-secret" not in str(refused.value)
