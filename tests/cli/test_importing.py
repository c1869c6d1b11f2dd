"""Import: whatever is handed over ends in the right chain in the store, or in one coded reason."""

import json
import os
import pty
import pwd
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hermetic.certificates import signing
from hermetic.certificates.credential import Credential
from hermetic.certificates.roles import Role
from hermetic.certificates.selection import StoreLocation, StoreName, thumbprints
from hermetic.certstore.stores import Stores
from hermetic.cli import main
from hermetic.cli.imported import Imported, settings_for
from hermetic.cli.importing import Asked, take_in
from hermetic.config.home import Home
from hermetic.errors import BadConfiguration, BadInput, CertificateRejected
from tests.support.disks import readable_by_others
from tests.support.import_fixtures import FILES, FULL, HANDED, Handed, Make, Outcome, label
from tests.support.imports import PASSPHRASE, Material, material, p12, pem

MACHINE, MY = StoreLocation.LOCAL_MACHINE, StoreName.MY
Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _nobody_else_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nonexistent")
    monkeypatch.setenv("SSL_CERT_DIR", "/nonexistent")


@pytest.fixture
def stores(home: Home) -> Stores:
    """Stores in which our root is trusted."""
    stores = Stores(home.stores)
    stores.add_certificates(MACHINE, StoreName.ROOT, [material().root])
    return stores


@pytest.fixture
def handed(tmp_path: Path) -> Callable[..., tuple[Path, ...]]:
    """Return what lays files down in a folder, and returns their paths."""

    def lay(*documents: bytes) -> tuple[Path, ...]:
        paths = tuple(tmp_path / f"file-{number}" for number in range(len(documents)))
        for path, document in zip(paths, documents, strict=True):
            path.write_bytes(document)
        return paths

    return lay


def outcome(home: Home, files: tuple[Path, ...], passphrase: bytes | None, **asked: Any) -> Outcome:
    """Import as the command does; return the chain that is kept then, or the code of the refusal."""
    if passphrase is not None:
        asked["passphrase_file"] = files[0].with_name("passphrase")
        asked["passphrase_file"].write_bytes(passphrase + b"\n")
    try:
        take_in(Asked(files, **asked), home, at=material().ours.now)
    except CertificateRejected as refused:
        assert not list(home.root.rglob("tls.key"))
        return refused.code
    (kept,) = Stores(home.stores).credentials(MACHINE, MY)
    return [label(certificate) for certificate in kept.chain.certificates]


# What a file may hold that makes a pair, and is nothing to present.
_MORE_IS_ASKED = {"an authority": "wrong-purpose"}


@pytest.mark.judged("import fixtures, each the right chain or one coded reason")
@pytest.mark.parametrize(
    ("name", "make", "passphrase", "expected"), FILES, ids=[case[0] for case in FILES]
)
def test_a_file_ends_in_the_right_chain_or_in_one_reason(
    home: Home,
    handed: Callable[..., tuple[Path, ...]],
    name: str,
    make: Make,
    passphrase: bytes | None,
    expected: Outcome,
) -> None:
    found = outcome(home, handed(make(material())), passphrase)
    assert found == _MORE_IS_ASKED.get(name, expected)


@pytest.mark.judged("import fixtures, each the right chain or one coded reason")
@pytest.mark.usefixtures("stores")
@pytest.mark.parametrize("case", HANDED, ids=str)
def test_several_files_end_in_the_right_chain_or_in_one_reason(
    home: Home, handed: Callable[..., tuple[Path, ...]], case: Handed
) -> None:
    files = handed(*case.files(material()))
    assert outcome(home, files, case.passphrase, **case.asked) == case.expected


def test_there_are_a_hundred_of_them() -> None:
    assert len(FILES) + len(HANDED) >= 100
    assert len({case[0] for case in FILES} | {case.name for case in HANDED}) >= 100


def taken(
    home: Home, files: tuple[Path, ...], *, at: Material | None = None, **asked: Any
) -> Imported:
    return take_in(Asked(files, **asked), home, at=(at or material()).ours.now)


def test_a_revocation_list_that_came_along_is_kept_where_it_belongs(
    home: Home, stores: Stores, handed: Callable[..., tuple[Path, ...]]
) -> None:
    (case,) = [one for one in HANDED if one.name == "a list beside it"]
    taken(home, handed(*case.files(material())))
    assert len(stores.revocation_lists(MACHINE)) == 1


def test_a_key_may_be_named_apart(home: Home, handed: Callable[..., tuple[Path, ...]]) -> None:
    chain, key = handed(material().leaf.chain_pem, material().leaf.key_pem)
    assert taken(home, (chain,), key=key).is_new
    assert not taken(home, (key, chain)).is_new


def test_a_pfx_without_a_passphrase_is_read_as_windows_writes_it(
    home: Home, handed: Callable[..., tuple[Path, ...]]
) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    (both,) = handed(material().leaf.key_pem + material().leaf.chain_pem)
    line = ["openssl", "pkcs12", "-export", "-in", str(both), "-passout", "pass:"]
    made = subprocess.run(line, capture_output=True, check=True)
    assert outcome(home, handed(made.stdout), None) == FULL


@pytest.mark.parametrize(
    ("store", "location"), [("my", "localmachine"), ("Root", "CurrentUser"), ("CA", "LocalMachine")]
)
def test_it_is_kept_in_the_store_that_is_named(
    home: Home, handed: Callable[..., tuple[Path, ...]], store: str, location: str
) -> None:
    made = taken(home, handed(_pair()), store_name=store, store_location=location)
    place = StoreLocation.parse(location), StoreName.parse(store)
    assert (made.choice.location, made.choice.store) == place
    assert len(Stores(home.stores).credentials(*place)) == 1


def _pair(credential: Credential | None = None) -> bytes:
    credential = credential or material().leaf
    return credential.key_pem + credential.chain_pem


def test_settings_name_it_by_its_subject_alone(
    home: Home, handed: Callable[..., tuple[Path, ...]]
) -> None:
    made = taken(home, handed(_pair()))
    assert (str(made.choice.subject), made.choice.thumbprint) == ("CN=api.example", None)


def test_settings_name_one_that_has_a_namesake_by_its_thumbprint(
    home: Home, handed: Callable[..., tuple[Path, ...]]
) -> None:
    newer = material().ours.issue("api.example", now=material().ours.now + 60 * signing.BACKDATE)
    taken(home, handed(_pair(newer)))
    made = taken(home, handed(_pair()))
    assert made.choice.thumbprint is None  # the newer one is not valid yet
    same = material().ours.issue("api.example")
    made = taken(home, handed(_pair(same)))
    assert made.choice.thumbprint == thumbprints(same.chain.leaf)[0]


@pytest.mark.parametrize(
    ("role", "nodes", "member"),
    [
        (Role.API, ["web node"], "Kestrel"),
        (Role.COMPUTE, ["compute node"], "Kestrel"),
        (Role.AUTHENTICATION, ["web node", "compute node"], "BackEndConfiguration"),
    ],
)
def test_each_role_has_its_place_in_the_settings(
    home: Home,
    handed: Callable[..., tuple[Path, ...]],
    role: Role,
    nodes: list[str],
    member: str,
) -> None:
    found = material().ours.issue("node.example", role=role)
    made = taken(home, handed(_pair(found)), role=role.value)
    written = settings_for(made.choice, role, "CN=Ours intermediate")
    assert list(written) == nodes
    assert list(written[nodes[0]]) == [member]
    assert '"SubjectName": "CN=node.example"' in json.dumps(written)
    if role is Role.AUTHENTICATION:
        peer = {"Enabled": True, "Issuer": "CN=Ours intermediate", "Subject": "CN=node.example"}
        assert written["compute node"] == {"ClientCertificate": peer}


def test_the_machines_own_authorities_count_for_the_api_only(
    home: Home, handed: Callable[..., tuple[Path, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    (bundle,) = handed(pem(material().root))
    system = bundle.rename(bundle.with_name("bundle.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(system))
    assert taken(home, handed(_pair())).found.root == material().root
    node = material().ours.issue("node.example", role=Role.COMPUTE)
    made = taken(home, handed(_pair(node)), role="compute")
    assert made.found.root is None
    assert "hermetic certificate trust" in made.found.warnings[0]


def test_nothing_is_open_to_others_afterwards(
    home: Home, handed: Callable[..., tuple[Path, ...]]
) -> None:
    before = os.umask(0)
    try:
        taken(home, handed(_pair()))
    finally:
        os.umask(before)
    assert readable_by_others(home.root) == set()


def test_a_file_system_without_permissions_is_refused(
    home: Home, handed: Callable[..., tuple[Path, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def keep_open(self: Path, mode: int) -> None:
        return None

    Stores(home.stores)
    home.stores.chmod(0o755)
    monkeypatch.setattr(Path, "chmod", keep_open)
    with pytest.raises(BadConfiguration, match="keeps no permissions"):
        taken(home, handed(_pair()))


AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act for another account")
NOBODY = pwd.getpwnam("nobody")


def owners(root: Path) -> set[tuple[int, int]]:
    return {(path.lstat().st_uid, path.lstat().st_gid) for path in (root, *root.rglob("*"))}


@AS_ROOT
def test_what_root_imports_belongs_to_the_owner_of_the_home(
    reachable: Path, handed: Callable[..., tuple[Path, ...]]
) -> None:
    files = handed(_pair())
    files[0].chmod(0o600)  # which the owner of the home could not read
    home = Home(reachable / "home")
    home.create()
    os.chown(home.root, NOBODY.pw_uid, NOBODY.pw_gid)
    taken(home, files)
    assert owners(home.root) == {(NOBODY.pw_uid, NOBODY.pw_gid)}
    assert readable_by_others(home.root) == set()
    assert (os.geteuid(), os.getegid()) == (0, 0)


@AS_ROOT
def test_a_home_is_made_for_the_service_account(
    reachable: Path, handed: Callable[..., tuple[Path, ...]]
) -> None:
    home = Home(reachable / "for" / "nobody")
    taken(home, handed(_pair()), service_account="nobody")
    assert owners(home.root) == {(NOBODY.pw_uid, NOBODY.pw_gid)}


@AS_ROOT
def test_a_key_that_the_service_account_could_not_read_is_refused(
    home: Home, handed: Callable[..., tuple[Path, ...]]
) -> None:
    told = rf"sudo chown -R nobody {home.root}"
    with pytest.raises(BadConfiguration, match=told):
        taken(home, handed(_pair()), service_account="nobody")
    assert not home.stores.exists()


def test_an_account_that_does_not_exist_is_refused(
    home: Home, handed: Callable[..., tuple[Path, ...]]
) -> None:
    with pytest.raises(BadInput, match="no account 'whoever'"):
        taken(home, handed(_pair()), service_account="whoever")


def run(capsys: Captured, *line: object) -> tuple[int, str, str]:
    code = main.run(["certificate", *map(str, line)])
    shown = capsys.readouterr()
    return code, shown.out, shown.err


@pytest.mark.usefixtures("stores")
def test_the_command_says_what_to_write_into_the_settings(
    handed: Callable[..., tuple[Path, ...]], capsys: Captured
) -> None:
    code, out, err = run(capsys, "import", *handed(_pair()), "--name", "api.example")
    assert (code, err) == (0, "")
    assert "Imported into My at LocalMachine." in out
    assert material().leaf.chain.sha256 in out
    shown = json.loads(out[out.index("{") :])
    assert shown["Kestrel"]["HttpsCertificate"]["SubjectName"] == "CN=api.example"
    assert "PRIVATE" not in out


@pytest.mark.usefixtures("stores")
def test_the_command_answers_in_json(
    handed: Callable[..., tuple[Path, ...]], capsys: Captured
) -> None:
    code, out, _ = run(capsys, "import", *handed(_pair()), "--json")
    told = json.loads(out)
    assert (code, told["new"], told["hasKey"], told["daysLeft"]) == (0, True, True, 0)
    assert (told["sha1"], told["sha256"]) == thumbprints(material().certificate)
    assert told["trustedRoot"].startswith("CN=Ours root")
    assert "web node" in told["settings"]


@pytest.mark.usefixtures("home")
def test_the_command_warns_and_tells_what_became_of_the_rest(
    handed: Callable[..., tuple[Path, ...]], capsys: Captured
) -> None:
    other = material().other.root_certificate
    files = handed(_pair(), pem(material().root, other))
    code, _, err = run(capsys, "import", *files)
    assert code == 0
    assert "Warning: The authority above it, 'CN=Ours root" in err
    assert "'CN=Other root,O=Hermetic' came along and was left out" in err


@pytest.mark.usefixtures("home")
def test_a_refusal_names_the_file_and_what_to_do(
    handed: Callable[..., tuple[Path, ...]], capsys: Captured
) -> None:
    files = handed(p12(material().leaf))
    code, out, err = run(capsys, "import", *files)
    assert (code, out) == (65, "")
    assert str(files[0]) in err
    assert "--passphrase-file FILE" in err


@pytest.mark.usefixtures("home")
def test_a_passphrase_is_asked_for_on_a_terminal_and_not_shown(
    handed: Callable[..., tuple[Path, ...]], monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    (file,) = handed(p12(material().leaf))
    ours, theirs = pty.openpty()
    os.write(ours, PASSPHRASE + b"\n")
    with os.fdopen(theirs, "r") as terminal:
        monkeypatch.setattr("sys.stdin", terminal)
        monkeypatch.setattr("getpass.getpass", lambda prompt, stream=None: terminal.readline()[:-1])
        code, out, err = run(capsys, "import", file, "--json")
    os.close(ours)
    assert code == 0
    assert PASSPHRASE.decode() not in out + err
