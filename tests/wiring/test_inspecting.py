from dataclasses import replace

from hermetic.certificates.roles import Role
from hermetic.config.compute import ClientCertificate, ComputeSettings
from hermetic.config.home import Home, write_record
from hermetic.config.sections import CertificateChoice, Certificates, NodeKestrel
from hermetic.config.settings import Settings
from hermetic.config.web import BackEndConfiguration, Uris, WebSettings
from hermetic.wiring.inspecting import here_of

CHOICE = CertificateChoice(enabled=True, subject_name="CN=a")


def test_a_box_has_its_own_certificate_and_database(home: Home) -> None:
    found = here_of(home, Settings())
    assert (found.own, found.named, found.database, found.believes) == (Role.API, [], None, False)
    home.database.touch()
    again = here_of(home, Settings())
    assert again.database is not None
    assert again.database[1] == "sqlite"


def test_what_the_settings_name_is_looked_for_in_the_stores(home: Home) -> None:
    settings = WebSettings(
        kestrel=NodeKestrel(https_certificate=CHOICE),
        certificates=Certificates(names=("a.example",)),
        back_end_configuration=BackEndConfiguration(
            client_certificate=CHOICE, uris=Uris(("https://b:1",), ())
        ),
    )
    found = here_of(home, settings)
    assert [(one.setting, one.role, one.names) for one in found.named] == [
        ("Kestrel.HttpsCertificate", Role.API, ("a.example",)),
        ("BackEndConfiguration.ClientCertificate", Role.AUTHENTICATION, ()),
    ]
    assert (found.own, found.believes) == (None, True)
    plain = replace(settings, kestrel=NodeKestrel(host="localhost", https_enabled=False))
    assert [one.role for one in here_of(home, plain).named] == [Role.AUTHENTICATION]


def test_what_runs_knows_its_port_best(home: Home) -> None:
    settings = ComputeSettings(
        client_certificate=ClientCertificate(enabled=True, issuer="CN=i", subject="CN=s")
    )
    assert here_of(home, settings).port.number == 12805
    write_record(home.running, {"url": "https://compute-1:4711", "ca": None, "pid": 1})
    port = here_of(home, settings).port
    assert (port.host, port.number, port.sealed) == ("compute-1", 4711, True)
    assert here_of(home, settings).believes
