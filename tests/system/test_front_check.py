"""What nginx itself says of every kind of front that can be asked for."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import product

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from hermetic.certificates.names import ServerName
from hermetic.fronts.files import Files
from hermetic.fronts.front import Front, Profile, Role, Upstream
from hermetic.fronts.nginx import configuration
from tests.support.certificates import DAY, hierarchy
from tests.support.fronts import Desk
from tests.support.mint import Minted, revocation_list
from tests.support.nginx import check, free_port, needs_nginx

pytestmark = [pytest.mark.slow, pytest.mark.system, needs_nginx]

NODES = {
    "plain": ["http://127.0.0.1:12800"],
    "one": ["https://localhost:12800"],
    "several": ["https://10.0.0.1-3:12800", "https://[::1]:12800"],
}
NAMES = {
    "a name": ["models.example.com"],
    "several": ["models.example.com", "xn--bcher-kva.example"],
    "a long one": [f"{'a' * 60}.{'b' * 60}.{'c' * 60}.example.com"],
    "addresses": ["10.0.0.7", "2001:db8::7"],
}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return Desk(tmp_path_factory.mktemp("check"), hierarchy())


def crl_of(desk: Desk) -> str:
    """Return a file with the lists of root and intermediate."""
    now = datetime.now(UTC)
    lists = [
        revocation_list(
            Minted(one.chain.leaf, one.key), last_update=now - DAY, next_update=now + DAY
        )
        for one in (desk.authority.root, desk.authority.intermediate)
    ]
    return desk.write("crl.pem", b"".join(one.public_bytes(Encoding.PEM) for one in lists))


def said(desk: Desk, front: Front, files: Files) -> str:
    """Return what nginx has to say, or nothing if it has nothing to complain of."""
    done = check(desk.folder, configuration(front, files))
    complaints = [line for line in done.stderr.splitlines() if "[" in line]
    return "\n".join(complaints) if done.returncode or complaints else ""


@pytest.mark.parametrize("demanded", ["nobody", "a certificate", "one that is not revoked"])
@pytest.mark.parametrize(("role", "nodes"), list(product(Role, NODES)))
def test_nginx_takes_it_without_a_word(desk: Desk, role: Role, nodes: str, demanded: str) -> None:
    upstream = Upstream.parse(NODES[nodes], "nodes.test" if nodes == "several" else None, role)
    files = desk.files("models.example.com")
    if upstream.is_sealed:
        files = replace(files, upstream_ca=desk.ca)
    if demanded != "nobody":
        files = replace(files, client_ca=desk.ca)
    if demanded == "one that is not revoked":
        files = replace(files, client_crl=crl_of(desk))
    if upstream.is_sealed and files.client_ca is not None:
        certificate, key = desk.client()
        files = replace(files, upstream_certificate=certificate, upstream_key=key)
    for profile, names, redirects in product(Profile, NAMES.values(), (True, False)):
        front = Front(
            role,
            tuple(map(ServerName.parse, names)),
            upstream,
            profile,
            port=free_port(),
            redirect_from=free_port() if redirects else None,
        )
        assert said(desk, front, files) == "", (profile, names, redirects)


def test_two_fronts_in_one_nginx_do_not_meet(desk: Desk) -> None:
    files, texts = replace(desk.files("localhost"), upstream_ca=desk.ca), []
    for role in Role:
        upstream = Upstream.parse([], None, role)
        for name in ("models.example.com", "other.example.com"):
            front = Front(role, (ServerName.parse(name),), upstream, port=free_port())
            texts.append(configuration(front, files))
    done = check(desk.folder, "\n".join(texts))
    assert done.returncode == 0, done.stderr


def test_what_is_broken_nginx_does_refuse(desk: Desk) -> None:
    files = replace(desk.files("localhost"), upstream_ca="/nowhere/ca.pem")
    front = Front(
        Role.WEB,
        (ServerName.parse("localhost"),),
        Upstream.parse([], None, Role.WEB),
        port=free_port(),
    )
    assert "/nowhere/ca.pem" in said(desk, front, files)
