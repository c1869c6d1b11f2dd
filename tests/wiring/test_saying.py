import pytest

from hermetic.config.compute import ClientCertificate, ComputeSettings
from hermetic.config.home import Home
from hermetic.config.sections import NodeKestrel
from hermetic.config.settings import Settings
from hermetic.config.web import WebSettings
from hermetic.wiring.saying import AnySettings, said

LOCAL = NodeKestrel(host="localhost", https_enabled=False)
NAMED = ClientCertificate(enabled=True, issuer="CN=i", subject="CN=s")


@pytest.mark.parametrize(
    ("settings", "codes"),
    [
        (Settings(), ["settings.fine"]),
        (WebSettings(), ["settings.fine"]),
        (WebSettings(kestrel=LOCAL), ["settings.plain-http"]),
        (ComputeSettings(), ["settings.invalid"]),
        (ComputeSettings(client_certificate=NAMED), ["settings.fine"]),
        (ComputeSettings(kestrel=LOCAL), ["settings.plain-http", "settings.open-door"]),
        (
            ComputeSettings(client_certificate=ClientCertificate(enabled=False)),
            ["settings.open-door"],
        ),
    ],
)
def test_what_is_to_be_known_of_settings_is_said(
    home: Home, settings: AnySettings, codes: list[str]
) -> None:
    assert [one.code for one in said(home, settings)] == codes
