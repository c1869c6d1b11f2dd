"""What an authority may certify, as its owner writes it and as OpenSSL and we read it."""

import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from hermetic.certificates import signing
from hermetic.certificates.chain import Chain
from hermetic.certificates.credential import Credential
from hermetic.certificates.keys import generate
from hermetic.certificates.limits import constraints, limited_to, parse
from hermetic.certificates.roles import Role
from hermetic.certificates.verification import verify
from hermetic.errors import BadInput, CertificateRejected
from tests.support.certificates import hierarchy

DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ([], ()),
        (["Example.COM", "*.example.com", "10.0.0.0/8"], ("10.0.0.0/8", "example.com")),
        (["10.1.2.3", "fd00::/8"], ("10.1.2.3/32", "fd00::/8")),
        (["bücher.example"], ("xn--bcher-kva.example",)),
    ],
)
def test_domains_and_networks_have_one_form(written: list[str], meant: tuple[str, ...]) -> None:
    assert parse(written) == meant


@pytest.mark.parametrize("text", ["", "a b", "10.0.0.1/8", "example..com", "*", "300.0.0.0/8"])
def test_what_is_neither_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="neither a domain"):
        parse([text])


def limited(*limits: str) -> tuple[Credential, Credential]:
    """Return a root, and an intermediate that is limited so."""
    above = hierarchy()
    made = signing.intermediate(
        above.root,
        generate(),
        name="Limited",
        now=above.now,
        life=30 * DAY,
        constraints=constraints(parse(limits)),
    )
    return above.root, made


def chain(above: Credential, *names: str) -> Chain:
    now = above.chain.not_before + timedelta(minutes=6)
    key = generate().public_key()
    return signing.leaf(above, key, names=names, role=Role.API, now=now, life=DAY)


@pytest.mark.parametrize(
    ("names", "good"),
    [
        (("www.example.com", "localhost", "127.0.0.1", "::1"), True),
        (("*.example.com", "10.9.9.9"), True),
        (("www.example.org",), False),
        (("notexample.com",), False),
        (("www.example.com", "192.0.2.1"), False),
    ],
)
def test_we_and_openssl_believe_what_is_permitted_and_nothing_else(
    tmp_path: Path, names: tuple[str, ...], good: bool
) -> None:
    root, above = limited("example.com", "10.0.0.0/8")
    made = chain(above, *names)
    now = made.not_before + timedelta(minutes=6)
    try:
        verify(made.certificates, roots=[root.chain.leaf], at=now, purpose=Role.API)
        believed = True
    except CertificateRejected as error:
        believed = error.code != "name-constraints"
    assert believed is good
    for name, content in (("root", root.chain_pem), ("above", above.chain_pem), ("leaf", made.pem)):
        (tmp_path / name).write_bytes(content)
    command = ["openssl", "verify", "-CAfile", "root", "-untrusted", "above", "leaf"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, timeout=30)
    assert (done.returncode == 0) is good


def test_a_certificate_says_what_it_is_limited_to() -> None:
    assert limited_to(limited("example.com", "10.0.0.0/8")[1].chain.leaf) == (
        "10.0.0.0/8",
        "example.com",
    )
    assert limited_to(hierarchy().intermediate.chain.leaf) == ()
    assert constraints(()) is None
