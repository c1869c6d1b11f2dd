"""Settings of certificates from an ACME server."""

import json

import pytest

from hermetic.config.layers import from_file, resolve
from hermetic.config.web import WebSettings
from hermetic.errors import BadConfiguration

DIRECTORY = "https://acme.test/directory"
NAMES = ["models.example.com"]


def read(acme: dict[str, object], **certificates: object) -> WebSettings:
    told = {"Names": NAMES, "Acme": {"Directory": DIRECTORY, **acme}, **certificates}
    text = json.dumps({"Certificates": told})
    return resolve(WebSettings, from_file(text, file="file")).settings


def test_an_address_and_names_will_do() -> None:
    acme = read({}).certificates.acme
    assert (acme.directory, acme.challenge, acme.http_port) == (DIRECTORY, "http-01", 80)


@pytest.mark.parametrize(
    ("acme", "certificates", "told"),
    [
        ({"Directory": "http://acme.test"}, {}, "https"),
        ({"Directory": "https://"}, {}, "https"),
        ({"Challenge": "dns-02"}, {}, "dns-01"),
        ({"Challenge": "dns-01"}, {}, "DnsServer"),
        ({"Challenge": "dns-01", "DnsServer": "10.0.0.1", "DnsProgram": "/x"}, {}, "not both"),
        ({"DnsServer": "10.0.0.1"}, {}, "dns-01"),
        ({"Challenge": "dns-01", "DnsServer": "ns.test"}, {}, "10.0.0.53"),
        ({"EabKid": "x"}, {}, "EabKeyFile"),
        ({"HttpPort": 0}, {}, "HttpPort"),
        ({}, {"Names": []}, "Certificates.Names"),
        ({}, {"Names": ["*.example.com"]}, "dns-01"),
        ({}, {"Folder": "/x"}, "remove one"),
        ({"Directory": ""}, {"AcmeOtherwise": {"Directory": DIRECTORY}}, "AcmeOtherwise"),
        (
            {"Challenge": "dns-01", "DnsProgram": "/x"},
            {"Names": ["*.example.com"], "AcmeOtherwise": {"Directory": DIRECTORY}},
            "dns-01",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(
    acme: dict[str, object], certificates: dict[str, object], told: str
) -> None:
    with pytest.raises(BadConfiguration, match=told):
        read(acme, **certificates)


def test_two_certificates_are_one_too_many() -> None:
    told = {
        "Kestrel": {"HttpsCertificate": {"SubjectName": "CN=x"}},
        "Certificates": {"Names": NAMES, "Acme": {"Directory": DIRECTORY}},
    }
    with pytest.raises(BadConfiguration, match="both name a certificate"):
        resolve(WebSettings, from_file(json.dumps(told), file="file"))


@pytest.mark.parametrize("place", ["10.0.0.53", "10.0.0.53:5353", "[2001:db8::1]:53"])
def test_servers_of_the_dns_are_addresses(place: str) -> None:
    acme = read({"Challenge": "dns-01", "DnsServer": place}).certificates.acme
    assert acme.dns_server == place
