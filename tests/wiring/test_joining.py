"""Tokens as they are read, and what settings a node has after it joined."""

from pathlib import Path

import pytest

from hermetic.cli.settings import resolved
from hermetic.config.compute import ComputeSettings
from hermetic.config.editing import edit
from hermetic.config.home import Home
from hermetic.errors import BadInput
from hermetic.wiring.joined import Joined
from hermetic.wiring.joining import JoinToken, settings_of

MAC, ROOT = "m" * 43, "0" * 64
AT = "https://web-1:12800/acme/directory"


def test_a_token_is_read_and_shown_to_nobody() -> None:
    token = JoinToken.parse(f"  abcdefgh.{MAC}.{ROOT}\n")
    assert (token.external.kid, token.external.mac_key, token.root) == ("abcdefgh", MAC, ROOT)
    assert MAC not in repr(token)


@pytest.mark.parametrize(
    "text", ["", "x", f"abcdefgh.{MAC}", f"a b.{MAC}.{ROOT}", f"/.{MAC}.{ROOT}"]
)
def test_what_is_no_token_is_not_repeated(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        JoinToken.parse(text)
    assert MAC not in caught.value.text


def test_a_compute_node_lets_the_web_nodes_of_its_authority_in(home: Home) -> None:
    joined = Joined(AT, ("compute",), ("c.test", "10.0.0.1"), (ROOT,))
    edit(home.settings, settings_of(home, joined))
    found = resolved(ComputeSettings, home, file=None).settings
    assert found.client_certificate.enrolled
    assert found.client_certificate.is_named
    assert found.certificates.names == ("c.test", "10.0.0.1")
    assert (found.certificates.acme.directory, found.certificates.acme.profile) == (AT, "compute")
    assert Path(found.certificates.acme.ca) == home.joined_roots


def test_a_web_node_presents_what_it_got_and_opens_no_door(home: Home) -> None:
    joined = Joined(AT, ("api", "authentication"), ("w.test",), (ROOT,), pinned=False)
    changes = settings_of(home, joined)
    assert changes["Certificates.Acme.Profile"] == "api"
    assert "ClientCertificate.Enrolled" not in changes
    assert "Certificates.Acme.Ca" not in changes
    assert settings_of(home, Joined(AT, ("authentication",), ("w.test",), (ROOT,))) == {}
