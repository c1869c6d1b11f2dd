import pytest

from hermetic.config.sections import (
    CertificateChoice,
    Certificates,
    NodeKestrel,
    Pool,
    is_this_machine,
    refuse_two_certificates,
    refuse_unnamed,
)
from hermetic.errors import BadConfiguration

NAMED = CertificateChoice(subject_name="CN=models.example.com")


def readable(host: str = "") -> NodeKestrel:
    return NodeKestrel(host, https_enabled=False, allow_plain_http_beyond_this_machine=True)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.1.2.3", "::1"])
def test_loopback_is_this_machine(host: str) -> None:
    assert is_this_machine(host)


@pytest.mark.parametrize("host", ["", "0.0.0.0", "::", "10.0.0.1", "models.example.com"])
def test_everything_else_is_not(host: str) -> None:
    assert not is_this_machine(host)


@pytest.mark.parametrize(
    ("enabled", "subject", "thumbprint", "chosen"),
    [
        (None, "CN=a", "", True),
        (True, "", "AB" * 20, True),
        (False, "CN=a", "", False),
        (None, " ", "", False),
    ],
)
def test_a_certificate_is_chosen_once_it_is_named_unless_that_is_switched_off(
    enabled: bool | None, subject: str, thumbprint: str, chosen: bool
) -> None:
    choice = CertificateChoice(enabled, subject_name=subject, thumbprint=thumbprint)
    assert choice.is_chosen is chosen


def test_a_choice_that_is_enabled_and_names_nothing_is_refused_with_its_path() -> None:
    with pytest.raises(
        BadConfiguration, match=r"A\.B is enabled, and its SubjectName and"
    ) as caught:
        refuse_unnamed(CertificateChoice(enabled=True), "A.B", "set Enabled to false")
    assert caught.value.key == "A.B.Enabled"
    refuse_unnamed(CertificateChoice(enabled=None), "A.B", "")
    refuse_unnamed(CertificateChoice(enabled=True, thumbprint="AB" * 20), "A.B", "")


def test_https_without_the_certificate_it_names_is_refused() -> None:
    with pytest.raises(BadConfiguration, match="set that to true for the certificate") as caught:
        NodeKestrel(https_certificate=CertificateChoice(False, subject_name="CN=a"))
    assert caught.value.key == "Kestrel.HttpsCertificate.Enabled"
    NodeKestrel(https_certificate=CertificateChoice(True, subject_name="CN=a"))
    NodeKestrel(https_certificate=CertificateChoice(False), https_enabled=False)


def test_https_with_an_enabled_certificate_that_is_not_named_is_refused() -> None:
    with pytest.raises(BadConfiguration, match="remove the section for a certificate of our own"):
        NodeKestrel(https_certificate=CertificateChoice(enabled=True))


def test_plain_http_where_others_could_read_along_is_refused_unless_that_is_said() -> None:
    with pytest.raises(BadConfiguration, match=r"Plain HTTP on 10\.0\.0\.1") as caught:
        NodeKestrel(host="10.0.0.1", https_enabled=False)
    assert caught.value.key == "Kestrel.HttpsEnabled"
    NodeKestrel(host="127.0.0.1", https_enabled=False)
    readable("10.0.0.1")


@pytest.mark.parametrize(
    ("kestrel", "interface"),
    [
        (NodeKestrel(), ""),
        (NodeKestrel(host="10.0.0.1"), "10.0.0.1"),
        (NodeKestrel(https_enabled=False), "localhost"),
        (NodeKestrel(https_enabled=False, host="::1"), "::1"),
        (readable(), ""),
    ],
)
def test_a_node_listens_everywhere_only_if_it_is_sealed_or_told_to(
    kestrel: NodeKestrel, interface: str
) -> None:
    assert kestrel.interface == interface


@pytest.mark.parametrize(
    ("kestrel", "texts"),
    [
        (NodeKestrel(), []),
        (NodeKestrel(host="10.0.0.1"), []),
        (NodeKestrel(host="localhost"), ["The node listens on localhost alone"]),
        (NodeKestrel(https_enabled=False), ["The node speaks plain HTTP, and nobody else"]),
        (readable(), ["The node speaks plain HTTP, and the network can read all of it"]),
    ],
)
def test_what_is_surprising_is_noted(kestrel: NodeKestrel, texts: list[str]) -> None:
    notes = [one.text for one in kestrel.notes()]
    assert len(notes) == len(texts)
    assert all(note.startswith(text) for note, text in zip(notes, texts, strict=True))


def test_two_certificates_to_present_are_refused() -> None:
    folder = Certificates(folder="/etc/tls")
    with pytest.raises(BadConfiguration, match="both name a certificate"):
        refuse_two_certificates(NodeKestrel(https_certificate=NAMED), folder)
    refuse_two_certificates(NodeKestrel(), folder)
    refuse_two_certificates(NodeKestrel(https_certificate=NAMED), Certificates())


def test_a_pool_that_starts_larger_than_it_may_grow_is_refused() -> None:
    with pytest.raises(BadConfiguration, match=r"Pool.InitialSize is 6 and Pool.MaxSize 5"):
        Pool(initial_size=6, max_size=5)
    assert Pool(initial_size=5, max_size=5).max_size == 5
