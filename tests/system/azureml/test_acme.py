"""Certificates of labels from a public authority, with azureml-core 1.61 unmodified, and Pebble."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support import azureml, bind, pebble
from tests.support.azureml import AzureMl, serial
from tests.support.bind import Bind
from tests.support.pebble import Pebble
from tests.support.product import Product
from tests.support.product import start as start_product

pytestmark = [pytest.mark.slow, pytest.mark.system, bind.needs_bind, pebble.needs_pebble]

DOMAIN = "models.site.test"
NOWHERE = "255.255.255.255"
NO_REUSE = {"PEBBLE_AUTHZREUSE": "0"}


def settings(authority: Pebble, **more: str) -> dict[str, str]:
    """Return settings by which *authority* certifies the node, and front ends too."""
    told = {
        "Certificates__Names": "node.site.test",
        "Certificates__Acme__Directory": authority.directory,
        "Certificates__Acme__Ca": str(authority.ca),
        "Certificates__Acme__AgreeTos": "true",
        "Certificates__Acme__HttpPort": str(authority.http_port),
        "AzureML__Domain": DOMAIN,
        "AzureML__Issuer": "acme",
        **more,
    }
    return {f"HERMETIC__{name}": value for name, value in told.items()}


class Site:
    """A product whose front ends an authority certifies, and a client of it."""

    def __init__(self, authority: Pebble, folder: Path, **more: str) -> None:
        self.authority = authority
        self.product: Product = azureml.start(folder / "home", **settings(authority, **more))
        self.client = AzureMl(self.product, folder / "work", f"hermetic.blob.{DOMAIN}")

    def stop(self) -> None:
        with self.client:
            self.product.stop()

    @contextmanager
    def astray(self) -> Iterator[None]:
        """Let the authority look for proofs where there is nobody, for a while."""
        self.authority.tell_dns("set-default-ipv4", ip=NOWHERE)
        yield
        self.authority.tell_dns("set-default-ipv4", ip="127.0.0.1")

    def is_believed(self, host: str) -> bool:
        """Whether who trusts the root of the authority, and no other, believes *host*."""
        context = ssl.create_default_context(cadata=self.authority.root().decode())
        with (
            socket.create_connection(("127.0.0.1", self.product.port), timeout=30) as plain,
            context.wrap_socket(plain, server_hostname=host) as sealed,
        ):
            return bool(sealed.getpeercert())


@pytest.fixture(scope="module")
def server() -> Iterator[Bind]:
    with bind.running("node IN A 127.0.0.1") as running:
        yield running


@pytest.fixture(scope="module")
def by_dns(server: Bind, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Names are set, and proved, by the server of the zone."""
    folder = tmp_path_factory.mktemp("by-dns")
    key = str(server.key_file(folder / "key"))
    place = f"127.0.0.1:{server.port}"
    with pebble.running(NO_REUSE, dns=place) as authority:
        site = Site(authority, folder, AzureML__DnsServer=place, AzureML__DnsKeyFile=key)
        yield site
        site.stop()


@pytest.fixture(scope="module")
def by_http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Names are proved as those of the node are; where they lead is for Pebble's DNS to say."""
    with pebble.running(NO_REUSE) as authority:
        site = Site(authority, tmp_path_factory.mktemp("by-http"))
        yield site
        site.stop()


def test_a_label_is_certified_by_the_authority(by_dns: Site, server: Bind) -> None:
    made = by_dns.client.play("compute", name="labelled", ssl={"leaf_domain_label": "contoso"})
    host = made["accepted"]["cname"]
    assert made["accepted"]["state"] == "Succeeded"
    assert by_dns.is_believed(host)
    assert by_dns.authority.status_of(int(serial(by_dns.product, host), 16)) == "Valid"
    assert server.addresses(host) == {"127.0.0.1"}
    assert not server.texts(f"_acme-challenge.{host}")


def test_a_forced_renewal_gives_another_certificate_under_the_same_name(by_dns: Site) -> None:
    ssl_ = {"leaf_domain_label": "renewed"}
    made = by_dns.client.play("compute", name="renewed", ssl=ssl_)["accepted"]
    first = serial(by_dns.product, made["cname"])
    again = by_dns.client.play("update_compute", name="renewed", renew=True, **ssl_)["accepted"]
    assert again["cname"] == made["cname"]
    assert serial(by_dns.product, made["cname"]) != first
    assert by_dns.is_believed(made["cname"])


def test_the_storage_stays_with_our_own_authority(by_dns: Site) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        by_dns.is_believed(f"hermetic.blob.{DOMAIN}")


def test_what_is_refused_leaves_the_one_before_and_tells_why(by_http: Site) -> None:
    ssl_ = {"leaf_domain_label": "kept"}
    made = by_http.client.play("compute", name="kept", ssl=ssl_)["accepted"]
    before = serial(by_http.product, made["cname"])
    with by_http.astray():
        refused = by_http.client.play("update_compute", name="kept", renew=True, **ssl_)
    assert made["cname"] in refused["text"]
    assert "network is unreachable" in refused["text"]
    assert serial(by_http.product, made["cname"]) == before
    assert by_http.client.play("show_compute", name="kept")["accepted"]["state"] == "Succeeded"


def test_what_could_not_be_created_says_why_and_is_created_again(by_http: Site) -> None:
    ssl_ = {"leaf_domain_label": "again"}
    with by_http.astray():
        refused = by_http.client.play("compute", name="again", ssl=ssl_)
    assert "network is unreachable" in refused["text"]
    assert by_http.client.play("show_compute", name="again")["accepted"]["state"] == "Failed"
    by_http.client.play("register", name="wine")
    deployed = by_http.client.play("deploy", name="wine", on="again", models=["wine"])
    assert "could not be created" in deployed["text"]
    made = by_http.client.play("compute", name="again", ssl=ssl_)["accepted"]
    assert made["state"] == "Succeeded"
    assert by_http.is_believed(made["cname"])


def test_the_port_of_the_node_proves_names_of_front_ends_too(tmp_path: Path) -> None:
    port = bind.free_port()
    with pebble.running(NO_REUSE, tls_port=port) as authority:
        by_port = {"Challenge": "tls-alpn-01", "TlsPort": str(port)}
        more = {f"Certificates__Acme__{name}": value for name, value in by_port.items()}
        told = settings(authority, **more)
        product = start_product(tmp_path / "home", "--port", str(port), more=told)
        with AzureMl(product, tmp_path / "work", f"hermetic.blob.{DOMAIN}") as client:
            made = client.play("compute", name="proved", ssl={"leaf_domain_label": "proved"})
            found = serial(product, made["accepted"]["cname"])
        product.stop()
        assert authority.status_of(int(found, 16)) == "Valid"


@pytest.mark.parametrize("site", ["by_dns", "by_http"])
def test_no_key_is_logged(site: str, request: pytest.FixtureRequest) -> None:
    log = request.getfixturevalue(site).product.log
    assert "frontend.certificate" not in log
    assert "PRIVATE KEY" not in log
