"""TXT records in a zone that bind9 or knot serves, and by a program."""

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from hermetic.certificates.roles import Role
from hermetic.certstore.accounts import Records
from hermetic.errors import BadConfiguration, BadInput, Unavailable
from hermetic.issuers.acme import dns01
from hermetic.issuers.acme.dns01 import Program, Updates, record_value
from hermetic.issuers.acme.order import Proof
from hermetic.issuers.dns_updates import UpdateServer
from tests.support import bind as bind9
from tests.support import knot
from tests.support import pebble as pebbles
from tests.support.acme import issuer_of, requesting
from tests.support.bind import KEY, Bind, needs_bind, running
from tests.support.knot import needs_knot
from tests.support.nginx import free_port
from tests.support.pebble import needs_pebble

pytestmark = pytest.mark.slow

HERE = "127.0.0.1"


SERVERS = [
    pytest.param(bind9, id="bind9", marks=needs_bind),
    pytest.param(knot, id="knot", marks=needs_knot),
]


@pytest.fixture(scope="module", params=SERVERS)
def bind(request: pytest.FixtureRequest) -> Iterator[Bind]:
    """A DNS server that takes updates; what it is asked is the same for each."""
    with request.param.running(
        "_acme-challenge.www IN CNAME www.delegated", "_acme-challenge.round IN CNAME round.x",
        "round.x IN CNAME _acme-challenge.round",
    ) as made:  # fmt: skip
        yield made


def proof(name: str, answer: str = "token.thumbprint") -> Proof:
    return Proof("dns-01", name, "token", answer)


def server(bind: Bind, **other: str) -> UpdateServer:
    told = {"key_name": KEY, "secret": bind.secret} | other
    return UpdateServer(HERE, bind.port, **told)


def updates(bind: Bind, folder: Path, **other: str) -> Updates:
    return Updates(server(bind, **other), Records(folder))


async def test_a_record_comes_beside_others_and_goes_alone(bind: Bind, tmp_path: Path) -> None:
    prover, name = updates(bind, tmp_path), "_acme-challenge.a.site.test"
    one, other = proof("a.site.test"), proof("a.site.test", "token.of-the-wildcard")
    await prover.present(one)
    await prover.present(other)
    assert bind.texts(name) == {record_value(one), record_value(other)}
    assert len(Records(tmp_path).all()) == 2
    await prover.withdraw(one)
    await prover.withdraw(one)
    assert bind.texts(name) == {record_value(other)}
    await prover.withdraw(other)
    assert not bind.texts(name)
    assert not Records(tmp_path).all()


async def test_an_alias_is_followed(bind: Bind, tmp_path: Path) -> None:
    prover = updates(bind, tmp_path)
    await prover.present(proof("www.site.test"))
    assert bind.texts("www.delegated.site.test") == {record_value(proof("www.site.test"))}
    await prover.withdraw(proof("www.site.test"))
    assert not bind.texts("www.delegated.site.test")
    with pytest.raises(BadConfiguration, match="alias"):
        await prover.present(proof("round.site.test"))


async def test_what_a_killed_process_left_is_swept(bind: Bind, tmp_path: Path) -> None:
    await updates(bind, tmp_path).present(proof("left.site.test"))
    assert bind.texts("_acme-challenge.left.site.test")
    await updates(bind, tmp_path).sweep()
    assert not bind.texts("_acme-challenge.left.site.test")
    assert not Records(tmp_path).all()


async def test_one_record_that_cannot_be_swept_is_no_matter_of_others(
    bind: Bind, tmp_path: Path
) -> None:
    Records(tmp_path).add("_acme-challenge.elsewhere.test.", "value")
    await updates(bind, tmp_path).present(proof("left.site.test"))
    with pytest.raises(BadConfiguration, match="elsewhere"):
        await updates(bind, tmp_path).sweep()
    assert not bind.texts("_acme-challenge.left.site.test")
    assert [name for name, _ in Records(tmp_path).all()] == ["_acme-challenge.elsewhere.test."]


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"secret": "AAAA"}, "does not accept the key"),
        ({"key_name": "stranger"}, "does not accept the key"),
        ({"key_name": "", "secret": ""}, "REFUSED|NOTAUTH"),
    ],
)
async def test_a_key_that_will_not_do_is_told_and_never_shown(
    bind: Bind, tmp_path: Path, other: dict[str, str], told: str
) -> None:
    prover = updates(bind, tmp_path, **other)
    with pytest.raises(BadConfiguration, match=told) as caught:
        await prover.present(proof("a.site.test"))
    assert bind.secret not in caught.value.text + repr(server(bind))


async def test_a_zone_of_somebody_else_is_told(bind: Bind, tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match="no zone"):
        await updates(bind, tmp_path).present(proof("a.elsewhere.test"))


async def test_a_server_that_does_not_answer_is_unavailable(tmp_path: Path) -> None:
    prover = Updates(UpdateServer(HERE, free_port()), Records(tmp_path))
    with pytest.raises(Unavailable, match="does not answer"):
        await prover.present(proof("a.site.test"))


async def test_a_server_that_lags_for_ever_is_told(
    bind: Bind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dns01, "_SEEN_WITHIN_S", 0.5)
    with running() as lagging:
        places = [(HERE, bind.port), (HERE, lagging.port)]
        prover = Updates(server(bind), Records(tmp_path), seen_at=places)
        with pytest.raises(Unavailable, match="secondary"):
            await prover.present(proof("slow.site.test"))
        await prover.withdraw(proof("slow.site.test"))


@pytest.mark.parametrize("key", [{"algorithm": "hmac-md5"}, {"key_name": "k", "secret": "no!"}])
def test_a_key_that_is_none_is_refused(key: dict[str, str]) -> None:
    with pytest.raises(BadInput) as caught:
        UpdateServer(HERE, **key).keyring()  # type: ignore[arg-type]
    assert "no!" not in caught.value.text


@needs_pebble
async def test_a_wildcard_and_its_apex_are_certified(bind: Bind, tmp_path: Path) -> None:
    with pebbles.running(dns=f"{HERE}:{bind.port}") as pebble:
        issuer = issuer_of(pebble, tmp_path / "acme", prover=updates(bind, tmp_path / "records"))
        chain = await issuer.issue(requesting(["site.test", "*.site.test"]), Role.API)
    assert set(chain.names) == {"site.test", "*.site.test"}
    assert not bind.texts("_acme-challenge.site.test")


def program(folder: Path, lines: str) -> Program:
    path = folder / "change-dns"
    path.write_text(f"#!/bin/sh\n{lines}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return Program(path)


async def test_a_program_is_told_what_to_do_and_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HERMETIC_TOKEN", "s3cret")
    prover = program(tmp_path, f'echo "$@" >>{tmp_path}/told; env >>{tmp_path}/told')
    await prover.present(proof("a.test"))
    await prover.withdraw(proof("a.test"))
    told = (tmp_path / "told").read_text()
    value = record_value(proof("a.test"))
    assert f"present _acme-challenge.a.test. {value}\n" in told
    assert f"withdraw _acme-challenge.a.test. {value}\n" in told
    assert "s3cret" not in told


async def test_a_program_that_fails_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BadConfiguration, match="ended with 3"):
        await program(tmp_path, "exit 3").present(proof("a.test"))
    with pytest.raises(BadConfiguration, match="cannot be run"):
        await Program(tmp_path / "none").present(proof("a.test"))
    monkeypatch.setattr(dns01, "_PROGRAM_WITHIN_S", 0.2)
    with pytest.raises(Unavailable, match="did not end"):
        await program(tmp_path, "exec sleep 60").present(proof("a.test"))
