"""From settings to an issuer: the files that they name."""

from dataclasses import replace
from pathlib import Path

import pytest

from hermetic.clock import system_clock
from hermetic.config.acme import Acme
from hermetic.config.home import Home
from hermetic.errors import BadConfiguration
from hermetic.wiring.acme import acme_issuer

ACME = Acme(directory="https://acme.test/directory")


@pytest.mark.parametrize("text", [None, "no certificate"])
def test_an_authority_that_cannot_be_read_is_told(
    home: Home, tmp_path: Path, text: str | None
) -> None:
    path = tmp_path / "ca.pem"
    if text is not None:
        path.write_text(text)
    with pytest.raises(BadConfiguration, match=r"ca\.pem"):
        acme_issuer(home, replace(ACME, ca=str(path)), system_clock)


def test_each_server_has_an_account_of_its_own(home: Home) -> None:
    acme_issuer(home, ACME, system_clock)
    acme_issuer(home, replace(ACME, directory="https://other.test/directory"), system_clock)
    assert len(list((home.acme / "accounts").iterdir())) == 2
