"""The settings of the workspace that clients of Azure ML see."""

import json

import pytest

from hermetic.config.azureml import AzureMl
from hermetic.config.layers import from_file, resolve
from hermetic.config.settings import Settings
from hermetic.errors import BadConfiguration


def read(**told: object) -> AzureMl:
    text = json.dumps({"AzureML": told})
    return resolve(Settings, from_file(text, file="file")).settings.azureml


def test_without_a_word_there_is_a_workspace_and_no_plain_http() -> None:
    found = read()
    assert found.enabled
    assert found.workspace == "hermetic"
    assert not found.plain_http
    assert not found.self_signed


def test_names_are_as_their_owner_has_them() -> None:
    found = read(
        SubscriptionId="AAAAAAAA-0000-0000-0000-000000000000",
        ResourceGroup="group",
        Workspace="my_space",
        Region="WestEurope",
        Domain="Models.Example.com",
        Address="10.0.0.7",
        PlainHttp=True,
        HttpPort=8080,
    )
    assert found.subscription_id.startswith("aaaaaaaa-")
    assert (found.region, found.domain) == ("westeurope", "models.example.com")
    assert (found.address, found.http_port) == ("10.0.0.7", 8080)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("SubscriptionId", "mine"),
        ("ResourceGroup", "a/b"),
        ("Workspace", "a"),
        ("Region", "west europe"),
        ("Domain", "internal"),
        ("Domain", "-a.test"),
        ("Domain", "a..test"),
        ("Address", "models.example.com"),
        ("HttpPort", 65536),
        ("Cluster", "a b"),
    ],
)
def test_what_cannot_be_meant_is_refused(key: str, value: object) -> None:
    with pytest.raises(BadConfiguration, match=f"AzureML.{key}"):
        read(**{key: value})
