"""A whole web node in this process, with a compute node that runs beside it in a thread."""

import asyncio
import socket
import sqlite3
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import httpx2
import jwt
import pytest

from hermetic.certificates.envelope import seal
from hermetic.certificates.keys import KeyKind
from hermetic.certificates.selection import StoreLocation, StoreName
from hermetic.certstore.files import FileStore
from hermetic.certstore.stores import Stores
from hermetic.client.api import Client
from hermetic.config.authentication import Authentication
from hermetic.config.home import Home, read_record
from hermetic.config.sections import CertificateChoice, Certificates, Limits, NodeKestrel
from hermetic.config.web import (
    BackEndConfiguration,
    ConnectionStrings,
    ServerDatabase,
    Uris,
    WebSettings,
)
from hermetic.database.connection_string import ConnectionParameters
from hermetic.errors import BadConfiguration, BadInput, Unavailable
from hermetic.wire.messages import ParameterDefinition, PublishRequest
from hermetic.wiring import webnode
from hermetic.wiring.life import Announce, Ready
from tests.support.certificates import hierarchy, key_of
from tests.support.computenode import compute_node
from tests.support.installation import connection_string
from tests.support.visiting import during

V = TypeVar("V")
PASSWORD, DEADLINE_S = "Sealed-4-tests", 20
COMPANY = hierarchy(name="Company")
MACHINE, MY, ROOT = StoreLocation.LOCAL_MACHINE, StoreName.MY, StoreName.ROOT
SETTINGS = WebSettings(
    kestrel=NodeKestrel(host="localhost", port=0), limits=Limits(drain_seconds=5)
)


@pytest.fixture
def compute(tmp_path: Path) -> Iterator[str]:
    """The address of a compute node that answers without workers, in plain HTTP."""
    addresses: list[str] = []
    runs, ends = threading.Event(), threading.Event()

    async def serve() -> None:
        async with compute_node(tmp_path / "compute") as node:
            addresses.append(f"http://127.0.0.1:{node.port}")
            runs.set()
            await asyncio.to_thread(ends.wait)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert runs.wait(DEADLINE_S)
    yield addresses[0]
    ends.set()
    thread.join()


def run(
    home: Home,
    visit: Callable[[Ready], V],
    settings: WebSettings = SETTINGS,
    password: str | None = PASSWORD,
) -> V:
    """Run a web node during *visit*, and return what came of that."""

    def serve(announce: Announce) -> None:
        webnode.serve(home, settings, password=password, announce=announce)

    return during(serve, visit)


def client(ready: Ready) -> Client:
    """Return a client of the administrator's."""
    client = Client(ready.url, ca=ready.ca, plain_http=ready.ca is None)
    client.login("admin", PASSWORD)
    return client


def before(*compute: str) -> WebSettings:
    """Return the settings of a web node with these compute nodes."""
    return replace(SETTINGS, back_end_configuration=BackEndConfiguration(uris=Uris(compute)))


def await_ready(asked: Client) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while asked.nodes()[0].state != "ready" and time.monotonic() < deadline:
        pass


@pytest.mark.slow
def test_calls_of_clients_are_given_to_a_compute_node(home: Home, compute: str) -> None:
    request = PublishRequest(
        code="answer = x",
        input_parameter_definitions=[ParameterDefinition(name="x", type="integer")],
    )

    def visit(ready: Ready) -> tuple[object, list[str]]:
        with client(ready) as asked:
            await_ready(asked)
            asked.publish("wine", "1.0", request)
            answer = asked.call("wine", "1.0", x=2)
            return answer.output_parameters, [one.uri for one in asked.nodes()]

    assert run(home, visit, before(compute)) == ({"answer": 2}, [compute])


def test_without_a_compute_node_it_lives_and_is_not_ready(home: Home) -> None:
    def visit(ready: Ready) -> list[int]:
        context = ssl.create_default_context(cafile=str(ready.ca))
        with httpx2.Client(base_url=ready.url, verify=context, trust_env=False) as asked:
            return [asked.get(path).status_code for path in ("/livez", "/readyz")]

    assert run(home, visit) == [200, 503]


def test_a_password_is_generated_where_none_is_given_and_told_only_then(home: Home) -> None:
    first = run(home, lambda ready: ready.password, password=None)
    assert first is not None
    assert run(home, lambda ready: ready.password, password=None) is None


def test_it_is_known_to_others_by_its_name_for_as_long_as_it_runs(home: Home) -> None:
    def visit(ready: Ready) -> tuple[str, object]:
        with sqlite3.connect(home.database) as database:
            ((url,),) = database.execute("SELECT url FROM web_nodes").fetchall()
        database.close()
        return url, read_record(home.running)

    named = replace(SETTINGS, certificates=Certificates(names=("web.example.com",)))
    url, record = run(home, visit, named)
    assert isinstance(record, dict)
    assert url == str(record["url"]).replace("localhost", "web.example.com")
    with sqlite3.connect(home.database) as database:
        assert database.execute("SELECT url FROM web_nodes").fetchall() == []
    database.close()
    assert not home.running.exists()


@pytest.mark.slow
def test_tokens_are_signed_with_the_certificate_that_the_settings_name(home: Home) -> None:
    credential = COMPANY.issue("tokens", key=key_of(KeyKind.RSA_2048))
    Stores(home.stores).add(MACHINE, MY, credential)

    def visit(ready: Ready) -> str:
        with client(ready) as asked:
            return asked.token or ""

    token = run(home, visit, signing("CN=tokens"))
    assert jwt.decode(token, credential.key.public_key(), ["RS512"], options={"verify_aud": False})
    assert "token-signing" not in FileStore(home.certificates).entries()


def signing(subject: str) -> WebSettings:
    """Return the settings of a web node that signs with the certificate of *subject*."""
    section = CertificateChoice(subject_name=subject)
    return replace(SETTINGS, authentication=Authentication(jwt_signing_certificate=section))


def showing(subject: str) -> WebSettings:
    """Return the settings of a web node that shows the certificate of *subject*."""
    section = CertificateChoice(subject_name=subject)
    return replace(SETTINGS, kestrel=replace(SETTINGS.kestrel, https_certificate=section))


def authenticating(subject: str) -> WebSettings:
    """Return the settings of one that shows the certificate of *subject* to compute nodes."""
    section = CertificateChoice(subject_name=subject)
    return replace(
        SETTINGS, back_end_configuration=BackEndConfiguration(client_certificate=section)
    )


@pytest.mark.parametrize(
    ("named", "text"),
    [
        (signing, "JWTSigningCertificate"),
        (showing, "Kestrel.HttpsCertificate"),
        (authenticating, "BackEndConfiguration.ClientCertificate"),
    ],
)
def test_a_certificate_that_is_not_there_keeps_it_from_starting(
    home: Home, named: Callable[[str], WebSettings], text: str
) -> None:
    with pytest.raises(BadConfiguration, match=text):
        run(home, lambda _: None, named("CN=nobody"))
    assert not home.running.exists()


@pytest.mark.slow
def test_what_a_store_holds_is_presented_with_the_roots_to_believe_it_by(home: Home) -> None:
    stores = Stores(home.stores)
    stores.add(MACHINE, MY, COMPANY.issue("localhost"))
    stores.add_certificates(MACHINE, ROOT, [COMPANY.root_certificate])

    def visit(ready: Ready) -> object:
        with client(ready):
            return ready.ca.read_bytes() if ready.ca else None

    assert run(home, visit, showing("CN=localhost")) == COMPANY.root_pem


def test_a_weak_password_keeps_it_from_starting(home: Home) -> None:
    with pytest.raises(BadInput, match="too weak"):
        run(home, lambda _: None, password="weak")


def test_a_taken_port_is_told_before_anything_is_made(home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        taken = replace(SETTINGS, kestrel=NodeKestrel(host="127.0.0.1", port=port))
        with pytest.raises(Unavailable, match=str(port)):
            run(home, lambda _: None, taken)
    assert list(home.root.iterdir()) == []


def shared(connection: str, *, encrypted: bool = False) -> WebSettings:
    """Return the settings of a web node that shares a database with others."""
    where = ServerDatabase(enabled=True, encrypted=encrypted, connection=connection)
    return replace(SETTINGS, connection_strings=ConnectionStrings(postgresql=where))


@pytest.mark.slow
def test_what_it_shares_with_others_lies_in_a_database_whose_place_is_sealed(
    home: Home, reach: ConnectionParameters
) -> None:
    credential = COMPANY.issue("secrets", key=key_of(KeyKind.RSA_2048))
    Stores(home.stores).add(MACHINE, MY, credential)
    sealed = seal(connection_string(reach), credential.chain.leaf)

    def visit(ready: Ready) -> str:
        with client(ready) as asked:
            return asked.url

    assert run(home, visit, shared(sealed, encrypted=True))
    assert not home.database.exists()


def test_a_secret_that_nobody_here_can_open_keeps_it_from_starting(home: Home) -> None:
    strangers = COMPANY.issue("secrets", key=key_of(KeyKind.RSA_2048))
    sealed = seal("Host=db.example.com;Password=s3cret", strangers.chain.leaf)
    with pytest.raises(BadConfiguration, match="no store of this node holds") as caught:
        run(home, lambda _: None, shared(sealed, encrypted=True))
    assert "s3cret" not in str(caught.value)


def test_a_database_that_does_not_answer_keeps_it_from_starting(home: Home) -> None:
    with pytest.raises(Unavailable):
        run(home, lambda _: None, shared("Host=127.0.0.1;Port=1;Database=x;User ID=y;Password=z"))
