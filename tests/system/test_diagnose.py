"""A site that runs, with one thing wrong at a time: the command names it, within five seconds."""

import asyncio
import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hermetic.certificates.credential import Credential
from hermetic.certificates.roles import Role
from hermetic.certificates.selection import StoreLocation
from hermetic.cli import main
from tests.support.certificates import DAY, hierarchy
from tests.support.hops import presenting, revoking, serving
from tests.support.installation import PLACE, Installation, Node
from tests.support.product import start

pytestmark = pytest.mark.system

Captured = pytest.CaptureFixture[str]
Alarms = dict[str, str]
ENDS_WITHIN_S = 5.0
FINE = {"hop.sealed", "web.ready", "database.fine", "disk.fine", "strangers.refused", "node.fine"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    whole = Installation(tmp_path_factory.mktemp("site"))
    whole.add_compute()
    whole.add_compute()
    whole.add_web()
    try:
        whole.start()
        yield whole
    finally:
        whole.stop()


@pytest.fixture
def token(site: Installation) -> str:
    return site.webs[0].token()


def diagnosed(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch, site: Installation, token: str, **more: Path
) -> tuple[Alarms, set[str]]:
    """Return what is no pass, and the codes of what is."""
    monkeypatch.setenv("HERMETIC_TOKEN", token)
    capsys.readouterr()
    web, began = site.webs[0], time.monotonic()
    home = str(site.folder / "nobody")
    ca = str(more.get("ca", site.ca))
    main.run(["diagnose", "--home", home, "--url", web.url, "--ca", ca, "--json"])
    assert time.monotonic() - began < ENDS_WITHIN_S * 2  # a machine may be busy with other tests
    findings = json.loads(capsys.readouterr().out)["findings"]
    alarms = {one["code"]: one["where"] for one in findings if one["level"] != "pass"}
    return alarms, {one["code"] for one in findings if one["level"] == "pass"}


@pytest.fixture
def look(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch, site: Installation, token: str
) -> "Look":
    return Look(capsys, monkeypatch, site, token)


class Look:
    """Looks at the site."""

    def __init__(
        self, capsys: Captured, patch: pytest.MonkeyPatch, site: Installation, token: str
    ) -> None:
        self._capsys, self._patch, self._site, self.token = capsys, patch, site, token

    def __call__(self, **more: Path) -> Alarms:
        return diagnosed(self._capsys, self._patch, self._site, self.token, **more)[0]

    def passed(self) -> set[str]:
        return diagnosed(self._capsys, self._patch, self._site, self.token)[1]


@contextmanager
def enrolled(site: Installation, token: str, uri: str) -> Iterator[None]:
    """Let *uri* be one of the compute nodes."""
    with site.webs[0].client(token) as client:
        client.put("/computenodes", json={"entries": [uri]}).raise_for_status()
        try:
            yield
        finally:
            client.request("DELETE", "/computenodes", json={"entries": [uri]}).raise_for_status()


def test_a_site_without_a_fault_raises_no_alarm(look: Look) -> None:
    assert look() == {}
    assert look.passed() == FINE


def test_one_box_without_a_fault_raises_no_alarm(
    tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = start(tmp_path / "home", "--workers", "1")
    try:
        monkeypatch.setenv("HERMETIC_TOKEN", box.token())
        capsys.readouterr()
        assert main.run(["diagnose", "--home", str(box.home), "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert told["statusCode"] == "pass", told
    finally:
        box.stop()


def test_a_node_that_hangs_is_named_and_holds_up_nobody(site: Installation, look: Look) -> None:
    node = site.computes[0]
    assert node.process is not None
    node.process.send_signal(signal.SIGSTOP)
    try:
        found = look()
    finally:
        node.process.send_signal(signal.SIGCONT)
    assert set(found) == {"port.silent"}
    assert node.url in found["port.silent"]


def test_a_node_that_is_down_is_named(site: Installation, look: Look) -> None:
    node = site.computes[1]
    node.stop()
    try:
        assert set(look()) == {"port.closed"}
    finally:
        node.start()


def test_a_node_that_lets_us_not_in_is_named(site: Installation, look: Look) -> None:
    node = site.computes[0]
    before = node.settings["ClientCertificate"]
    node.settings["ClientCertificate"] = before | {"Subject": "CN=somebody else"}
    node.write()
    try:
        until_found(look, {"hop.refuses-us"})
    finally:
        node.settings["ClientCertificate"] = before
        node.write()
    until_found(look, set())


def test_a_node_that_is_drained_is_named(site: Installation, look: Look, token: str) -> None:
    with site.webs[0].client(token) as client:
        uri = {"uri": site.computes[0].url}
        client.post("/nodes/drain", json=uri).raise_for_status()
        try:
            assert set(look()) == {"node.draining"}
        finally:
            client.post("/nodes/undrain", json=uri).raise_for_status()


def test_a_web_node_without_compute_nodes_is_told(
    site: Installation, look: Look, token: str
) -> None:
    uris = [one.url for one in site.computes]
    with site.webs[0].client(token) as client:
        client.post("/computenodes", json={"entries": []}).raise_for_status()
        try:
            assert set(look()) - {"web.not-ready"} == {"node.none"}
        finally:
            client.post("/computenodes", json={"entries": uris}).raise_for_status()
    until_found(look, set())


def test_a_name_without_an_address_is_told(site: Installation, look: Look, token: str) -> None:
    with enrolled(site, token, "https://compute-9.invalid:12805"):
        assert set(look()) == {"dns.unknown"}


def test_plain_http_to_a_compute_node_is_told(
    site: Installation, look: Look, token: str, tmp_path: Path
) -> None:
    settings = {"Kestrel": {"Host": "127.0.0.1", "HttpsEnabled": False, "Port": 0}}
    plain = Node("compute", tmp_path / "plain", "127.0.0.1", settings, site.ca)
    plain.home.mkdir(mode=0o700)
    plain.write()
    plain.start()
    try:
        with enrolled(site, token, plain.ready["url"].replace("localhost", "127.0.0.1")):
            assert set(look()) == {"hop.plain-http"}
    finally:
        plain.stop()


def issued(site: Installation, name: str) -> Credential:
    if name == "foreign":
        return hierarchy(name="Foreign").issue(role=Role.COMPUTE)
    ours = site.authority
    if name == "expired":
        return ours.issue(role=Role.COMPUTE, now=ours.now - 3 * DAY)
    if name == "elsewhere":
        return ours.issue("elsewhere.example", role=Role.COMPUTE)
    return ours.issue(role=Role.COMPUTE)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("foreign", "hop.untrusted"),
        ("expired", "certificate.expired"),
        ("elsewhere", "certificate.wrong-name"),
        ("good", "strangers.let-in"),
    ],
)
async def test_whoever_else_answers_as_a_compute_node_is_found_out(
    site: Installation, look: Look, token: str, name: str, code: str
) -> None:
    async with serving(presenting(issued(site, name))) as port:
        with enrolled(site, token, f"https://127.0.0.1:{port}"):
            found = await asyncio.to_thread(look)
    assert code in found
    # One that answers everything with {} is no compute node, either.
    assert set(found) <= {code, "node.no-code"}


def test_a_certificate_that_was_taken_back_is_told(site: Installation, look: Look) -> None:
    web, node = site.webs[0], site.computes[1]
    (credential,) = node.stores.credentials(*PLACE)
    revoked = revoking(credential, site.authority.intermediate)
    fresh = site.authority.issue("compute-2", node.address, role=Role.COMPUTE)
    web.stores.add_revocation_list(StoreLocation.LOCAL_MACHINE, revoked)
    until_found(look, {"hop.revoked"})
    node.stores.add(*PLACE, fresh)
    node.stores.remove(*PLACE, credential.chain.sha256)
    until_found(look, set())


def test_an_authority_that_is_not_believed_is_told(
    site: Installation, look: Look, tmp_path: Path
) -> None:
    other = tmp_path / "other.pem"
    other.write_bytes(hierarchy(name="Other").root_pem)
    assert set(look(ca=other)) == {"hop.untrusted"}
    assert set(look(ca=tmp_path / "missing.pem")) == {"trust.unreadable"}


def test_who_is_not_logged_in_is_told_what_was_not_looked_at(
    site: Installation, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HERMETIC_TOKEN", raising=False)
    capsys.readouterr()
    line = ["--home", str(site.folder / "nobody"), "--url", site.webs[0].url, "--ca", str(site.ca)]
    assert main.run(["diagnose", *line]) == 0
    shown = capsys.readouterr().out
    assert "login.missing" in shown
    assert "mend: hermetic login" in shown


def test_a_token_of_somebody_else_is_told(look: Look) -> None:
    look.token = "not.a.token"
    assert set(look()) == {"login.refused"}


def test_a_web_node_that_is_away_is_told(site: Installation, look: Look) -> None:
    web = site.webs[0]
    web.stop()
    try:
        assert set(look()) == {"port.closed"}
    finally:
        web.start()


def until_found(look: Look, wanted: set[str]) -> None:
    """Look until *wanted* is what is found."""
    end = time.monotonic() + 20
    while (found := set(look())) != wanted:
        assert time.monotonic() < end, found
