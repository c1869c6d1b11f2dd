"""Trust in many: as in few, in a moment, and in nobody else."""

import gc
import os
import shutil
import signal
import ssl
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from hermetic.certificates import signing
from hermetic.certificates.keys import generate
from hermetic.certificates.roles import Role
from hermetic.errors import CertificateRejected
from hermetic.tls import anchors, groups, leftovers
from hermetic.tls.contexts import client_context, server_context
from hermetic.tls.memory import as_path
from tests.support.certificates import Hierarchy, hierarchy
from tests.support.memory_tls import shake, trusting

HOLDER = """
import sys
from pathlib import Path
from hermetic.tls import anchors, groups, leftovers
from hermetic.tls.contexts import client_context
anchors.private_place = lambda: Path(sys.argv[1])
context = client_context(sys.stdin.buffer.read())
print("holding", flush=True)
sys.stdout.close()
import signal
signal.pause()
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Let folders lie where the test sees them, and forget those of other tests."""
    anchors._known.cache_clear()
    monkeypatch.setattr(anchors, "private_place", lambda: tmp_path)
    yield tmp_path
    anchors._known.cache_clear()


@cache
def many() -> bytes:
    """Return roots that nobody uses, one fewer than makes a folder."""
    key, now = generate(), datetime.now(UTC)
    roots = [
        signing.root(key, name=f"Authority {number}", now=now, life=timedelta(days=1))
        for number in range(anchors.MANY - 1)
    ]
    return b"".join(one.chain.pem for one in roots)


def folders(place: Path) -> list[Path]:
    gc.collect()
    return sorted(place.glob("hermetic-anchors-*"))


def test_few_need_no_folder(authority: Hierarchy, place: Path) -> None:
    context = client_context(many())
    assert len(context.get_ca_certs()) == anchors.MANY - 1
    assert not folders(place)
    assert shake(server_context(authority.issue()), context).client_error


def test_of_many_whoever_is_among_them_is_trusted_and_nobody_else(
    authority: Hierarchy, stranger: Hierarchy, place: Path
) -> None:
    context = client_context(many() + authority.root_pem)
    assert not context.get_ca_certs()
    assert len(folders(place)) == 1
    assert shake(server_context(authority.issue()), context).succeeded
    refused = shake(server_context(stranger.issue()), context)
    assert refused.client_error == "CERTIFICATE_VERIFY_FAILED"


def test_a_server_that_trusts_many_lets_their_clients_in_and_no_others(
    authority: Hierarchy, stranger: Hierarchy
) -> None:
    context = server_context(authority.issue(), client_roots=many() + authority.root_pem)
    known = authority.issue("node-1", role=Role.AUTHENTICATION)
    unknown = stranger.issue("node-1", role=Role.AUTHENTICATION)
    assert shake(context, client_context(authority.root_pem, credential=known)).succeeded
    refused = shake(context, client_context(authority.root_pem, credential=unknown))
    assert refused.server_error == "CERTIFICATE_VERIFY_FAILED"
    nobody = shake(context, client_context(authority.root_pem))
    assert nobody.server_error == "PEER_DID_NOT_RETURN_A_CERTIFICATE"


def test_an_intermediate_that_a_server_leaves_out_is_found_too(authority: Hierarchy) -> None:
    leaf = authority.issue()
    alone = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with as_path(leaf.chain.leaf.public_bytes(Encoding.PEM) + leaf.key_pem) as path:
        alone.load_cert_chain(path)
    intermediate = authority.intermediate.chain.leaf.public_bytes(Encoding.PEM)
    assert shake(alone, client_context(many() + authority.root_pem)).client_error
    whole = client_context(many() + authority.root_pem + intermediate)
    assert shake(alone, whole).succeeded


def test_of_two_with_one_name_each_is_tried(place: Path) -> None:
    older, newer = hierarchy(name="Twin"), hierarchy(name="Twin")
    context = client_context(many() + older.root_pem + newer.root_pem)
    assert shake(server_context(older.issue()), context).succeeded
    assert shake(server_context(newer.issue()), context).succeeded
    assert {one.name[-2:] for one in folders(place)[0].iterdir()} == {".0", ".1"}


def test_one_that_is_named_twice_counts_once(authority: Hierarchy, place: Path) -> None:
    assert client_context(many() + many()).get_ca_certs()
    assert not folders(place)


def test_what_is_no_longer_trusted_is_refused_by_the_next_context(authority: Hierarchy) -> None:
    server = server_context(authority.issue())
    assert shake(server, client_context(many() + authority.root_pem)).succeeded
    without = client_context(many() + hierarchy(name="Other").root_pem)
    assert shake(server, without).client_error == "CERTIFICATE_VERIFY_FAILED"


def test_names_beyond_ascii_are_found(place: Path) -> None:
    odd = hierarchy(name="  Ünser   HAUS ärztin ")
    context = client_context(many() + odd.root_pem)
    assert len(folders(place)) == 1
    assert shake(server_context(odd.issue()), context).succeeded


@pytest.mark.slow
def test_the_folder_is_ours_alone_and_goes_with_the_last_context(
    authority: Hierarchy, place: Path
) -> None:
    roots = many() + authority.root_pem
    before = os.umask(0)
    try:
        first, second = client_context(roots), client_context(roots)
    finally:
        os.umask(before)
    (folder,) = folders(place)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    anchors._known.cache_clear()
    del first
    assert folders(place) == [folder]
    assert shake(server_context(authority.issue()), second).succeeded
    del second
    assert not folders(place)


def test_who_takes_the_folder_away_gets_nobody_trusted(authority: Hierarchy, place: Path) -> None:
    roots = many() + authority.root_pem
    context = client_context(roots)
    shutil.rmtree(folders(place)[0])
    server = server_context(authority.issue())
    assert shake(server, context).client_error == "CERTIFICATE_VERIFY_FAILED"
    assert shake(server, client_context(roots)).succeeded  # one that is made now has its own


def test_where_nothing_can_be_written_it_takes_its_time(
    authority: Hierarchy,
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(anchors, "private_place", lambda: place / "missing")
    context = client_context(many() + authority.root_pem)
    assert len(context.get_ca_certs()) == anchors.MANY
    assert shake(server_context(authority.issue()), context).succeeded
    assert "tls.anchors_not_written" in capsys.readouterr().out


def test_where_openssl_is_not_reached_it_takes_its_time(
    authority: Hierarchy, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups.limit_new_contexts()  # once in a process, and not without it
    monkeypatch.setattr(leftovers, "libcrypto", lambda: None)
    context = client_context(many() + authority.root_pem)
    assert len(context.get_ca_certs()) == anchors.MANY
    assert not folders(place)


def test_what_is_no_certificate_is_refused() -> None:
    with pytest.raises(CertificateRejected, match="not certificates in PEM") as refused:
        client_context(b"no certificate")
    assert refused.value.code == "malformed"


@pytest.mark.slow
def test_a_killed_process_is_swept_after_and_a_living_one_is_not(
    authority: Hierarchy, place: Path
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, place], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        process.stdin.write(many() + authority.root_pem)
        process.stdin.close()
        assert process.stdout.readline() == b"holding\n"
        assert len(folders(place)) == 1
        assert anchors.sweep() == 0
        process.send_signal(signal.SIGKILL)
    assert len(folders(place)) == 1
    assert anchors.sweep() == 1
    assert not folders(place)


def test_a_folder_of_another_user_is_left_alone(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "hermetic-anchors-of-others").mkdir()
    (place / "hermetic-anchors-link").symlink_to(place)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert anchors.sweep() == 0
    monkeypatch.undo()
    monkeypatch.setattr(anchors, "private_place", lambda: place)
    assert anchors.sweep() == 1
    assert (place / "hermetic-anchors-link").is_symlink()


@pytest.mark.slow
def test_a_forked_child_does_not_take_the_folder_with_it(authority: Hierarchy, place: Path) -> None:
    context = client_context(many() + authority.root_pem)
    child = os.fork()
    if not child:
        try:
            anchors._known.cache_clear()
            del context
            gc.collect()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert len(folders(place)) == 1
    assert shake(server_context(authority.issue()), context).succeeded


def test_a_bare_context_gets_on_with_one_of_ours(authority: Hierarchy) -> None:
    bare = trusting(authority.root_pem)
    anchors.trust(bare, many() + authority.root_pem)
    assert shake(server_context(authority.issue()), bare).succeeded
