from dataclasses import replace
from pathlib import Path

from hermetic.certificates.roles import Role
from hermetic.config.compute import ComputeSettings
from hermetic.config.sections import CertificateChoice, Certificates, NodeKestrel, Tls
from hermetic.config.web import WebSettings
from hermetic.tls.contexts import TlsProfile
from hermetic.wiring.wish import choice_of, wish_of


def test_in_plain_http_nothing_is_wished_for() -> None:
    assert wish_of(Role.API, ("a",), WebSettings(kestrel=NodeKestrel(https_enabled=False))) is None
    assert wish_of(Role.COMPUTE, ("a",), ComputeSettings()) is not None


def test_settings_that_name_nothing_wish_for_our_own_authority() -> None:
    wish = wish_of(Role.API, ("a", "b"), WebSettings())
    assert wish is not None
    assert (wish.own_names, wish.names, wish.folder, wish.choice) == (("a", "b"), (), None, None)


def test_what_they_name_is_wished_for() -> None:
    section = CertificateChoice(enabled=True, subject_name="CN=web", thumbprint="")
    kestrel = replace(NodeKestrel(), https_certificate=section)
    certificates = Certificates(names=("web.example",))
    settings = WebSettings(kestrel=kestrel, certificates=certificates, tls=Tls(profile="modern"))
    wish = wish_of(Role.API, ("a",), settings)
    assert wish is not None
    assert (wish.choice, wish.profile) == (choice_of(section), TlsProfile.MODERN)
    assert wish.names == ("web.example",)


def test_a_folder_is_one() -> None:
    wish = wish_of(Role.API, (), WebSettings(certificates=Certificates(folder="/etc/pair")))
    assert wish is not None
    assert wish.folder == Path("/etc/pair")
