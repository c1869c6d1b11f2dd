"""What the workspace is called, and how what is deployed is reached."""

import pytest

from hermetic.compat.azureml.workspace import Reached
from hermetic.config.azureml import AzureMl
from hermetic.wiring.azureml_names import reached_of, workspace_of

NAMES = ("node-1", "10.0.0.7", "localhost", "127.0.0.1")


@pytest.mark.parametrize(
    ("address", "bound", "reached"),
    [
        ("", "localhost", "127.0.0.1"),
        ("", "127.0.0.1", "127.0.0.1"),
        ("", "10.0.0.8", "10.0.0.8"),
        ("", "0.0.0.0", "10.0.0.7"),
        ("", "::", "10.0.0.7"),
        ("", "node-1", "10.0.0.7"),
        ("192.0.2.1", "localhost", "192.0.2.1"),
        ("192.0.2.1", "0.0.0.0", "192.0.2.1"),
    ],
)
def test_names_lead_to_where_the_node_is_reached(address: str, bound: str, reached: str) -> None:
    section = AzureMl(address=address)
    assert reached_of(section, bound, NAMES, [443]) == Reached(reached, 443, None)
    assert reached_of(section, bound, NAMES, [443, 80]).http_port == 80


def test_the_workspace_is_as_the_settings_have_it() -> None:
    found = workspace_of(AzureMl(workspace="mine", domain="models.test"))
    assert found.name == "mine"
    assert found.storage_host == "hermetic.blob.models.test"
