import dataclasses

import pytest

from hermetic.config.acme import Acme
from hermetic.config.azureml import AzureMl
from hermetic.config.sections import Certificates
from hermetic.config.settings import Settings
from hermetic.errors import BadConfiguration


def test_connections_are_sealed_and_local_unless_told_otherwise() -> None:
    kestrel = Settings().kestrel
    assert (kestrel.host, kestrel.port, kestrel.https_enabled) == ("localhost", 12800, True)


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().kestrel.port = 1  # type: ignore[misc]


def test_nothing_is_surprising_about_one_box() -> None:
    assert list(Settings().notes()) == []


ACME = Acme("https://acme.test/directory", dns_server="")
CERTIFICATES = Certificates(names=("a.test",), acme=ACME)
BY_ACME = AzureMl(issuer="acme", plain_http=True, http_port=80)


def test_an_acme_server_that_certifies_front_ends_is_named() -> None:
    with pytest.raises(BadConfiguration, match=r"write Certificates\.Acme\.Directory"):
        Settings(azureml=BY_ACME)
    Settings(azureml=dataclasses.replace(BY_ACME, enabled=False))
    Settings(azureml=AzureMl())


@pytest.mark.parametrize(
    ("acme", "azureml"),
    [
        (ACME, dataclasses.replace(BY_ACME, http_port=8080)),
        (ACME, dataclasses.replace(BY_ACME, plain_http=False)),
        (ACME, dataclasses.replace(BY_ACME, dns_server="10.0.0.53")),
        (dataclasses.replace(ACME, webroot="/www"), BY_ACME),
        (dataclasses.replace(ACME, challenge="tls-alpn-01"), BY_ACME),
    ],
)
def test_plain_http_and_proofs_do_not_want_the_same_port(acme: Acme, azureml: AzureMl) -> None:
    with pytest.raises(BadConfiguration, match="Port 80 is where plain HTTP is answered"):
        Settings(certificates=CERTIFICATES, azureml=BY_ACME)
    Settings(certificates=dataclasses.replace(CERTIFICATES, acme=acme), azureml=azureml)
