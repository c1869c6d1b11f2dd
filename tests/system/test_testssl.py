"""What testssl.sh, a judge from outside, says of the listeners of a web and a compute node."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hermetic.certificates.roles import Role
from tests.support.certificates import DAY
from tests.support.installation import PLACE, Installation

pytestmark = [
    pytest.mark.slow,
    pytest.mark.system,
    pytest.mark.timeout(300),
    pytest.mark.skipif(shutil.which("testssl") is None, reason="testssl.sh is not installed"),
]

GRAVE = {"MEDIUM", "HIGH", "CRITICAL", "FATAL"}
# Of the certificates of the tests' own authority, which publishes no list anywhere.
OF_THE_TEST = {"cert_revocation"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    whole = Installation(tmp_path_factory.mktemp("judged"))
    for node, role in ((whole.add_compute(), Role.COMPUTE), (whole.add_web(), Role.API)):
        (short,) = [
            one
            for one in node.stores.credentials(*PLACE)
            if one.chain.subject == f"CN={node.home.name}"
        ]
        lasting = whole.authority.issue(node.home.name, node.address, role=role, life=90 * DAY)
        node.stores.remove(*PLACE, short.chain.sha256)
        node.stores.add(*PLACE, lasting)
    try:
        whole.start()
        yield whole
    finally:
        whole.stop()


def findings(site: Installation, role: str, folder: Path) -> dict[str, str]:
    """Return what is graver than LOW, by the judge's own names, and that it was judged at all."""
    node = site.webs[0] if role == "web" else site.computes[0]
    told = folder / "told.json"
    judge = ["testssl", "--quiet", "--color", "0", "--jsonfile", str(told), "--warnings", "off"]
    asks = ["-p", "-s", "-P", "-S", "-U", "-h"]  # protocols, ciphers, certificate, weaknesses
    patience = ["--connect-timeout", "5", "--openssl-timeout", "5", "--add-ca", str(site.ca)]
    subprocess.run(
        [*judge, *patience, *asks, f"{node.address}:{node.port}"],
        check=False,
        capture_output=True,
        timeout=280,
    )
    found = json.loads(told.read_text())
    assert len([one for one in found if one["severity"] == "OK"]) > 10
    return {
        one["id"]: one["finding"]
        for one in found
        if one["severity"] in GRAVE and one["id"] not in OF_THE_TEST
    }


@pytest.mark.parametrize("role", ["web", "compute"])
def test_nothing_is_graver_than_low(site: Installation, role: str, tmp_path: Path) -> None:
    assert findings(site, role, tmp_path) == {}
