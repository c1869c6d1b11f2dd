"""What becomes of a front end's TLS, row by row."""

from dataclasses import replace

import pytest

from hermetic.errors import BadInput, Conflict
from hermetic.serving.frontend import (
    UNSEALED,
    Asked,
    Decision,
    FrontEndTls,
    Needed,
    TlsState,
    Zone,
    decide,
)

ZONE = Zone("west", "models.test")
AUTO = FrontEndTls(TlsState.AUTO, "contosoabc123.west.models.test", "contoso", "abc123")
OWN = FrontEndTls(TlsState.ENABLED, "www.contoso.test")
GIVEN = Asked(TlsState.ENABLED, certificate="a chain", key="a key")


def decided(now: FrontEndTls, asked: Asked, *, internal: bool = False) -> Decision:
    return decide(now, asked, ZONE, lambda: "xyz789", internal=internal)


def test_a_label_gets_a_name_with_a_suffix() -> None:
    found = decided(UNSEALED, Asked(TlsState.AUTO, label="Contoso"))
    assert found.tls.host == "contosoxyz789.west.models.test"
    assert (found.tls.label, found.tls.suffix) == ("contoso", "xyz789")
    assert found.needed is Needed.ISSUE


def test_the_same_label_keeps_its_name_and_certificate() -> None:
    found = decided(AUTO, Asked(TlsState.AUTO, label="contoso", overwrite=True))
    assert found == Decision(AUTO, Needed.NOTHING)


def test_another_label_is_a_conflict_unless_it_may_overwrite() -> None:
    other = Asked(TlsState.AUTO, label="fabrikam")
    with pytest.raises(Conflict, match=r"contosoabc123\.west\.models\.test"):
        decided(AUTO, other)
    found = decided(AUTO, replace(other, overwrite=True))
    assert found.tls.host == "fabrikamxyz789.west.models.test"


def test_a_renewal_keeps_everything_but_the_certificate() -> None:
    asked = Asked(TlsState.AUTO, renew=True, label="other", overwrite=True)
    assert decided(AUTO, asked) == Decision(AUTO, Needed.ISSUE)


@pytest.mark.parametrize("now", [UNSEALED, OWN])
def test_there_is_nothing_to_renew_without_a_label(now: FrontEndTls) -> None:
    with pytest.raises(BadInput, match="nothing to renew"):
        decided(now, Asked(TlsState.AUTO, renew=True))


def test_a_label_that_was_disabled_comes_back_with_its_suffix() -> None:
    off = decided(AUTO, Asked(TlsState.DISABLED))
    assert off.needed is Needed.FORGET
    assert off.tls.host == ""
    on = decided(off.tls, Asked(TlsState.AUTO, label="contoso"))
    assert on == Decision(AUTO, Needed.ISSUE)


def test_a_label_outlasts_a_certificate_of_ones_own() -> None:
    own = decided(AUTO, replace(GIVEN, host="WWW.contoso.test"))
    assert own.tls.host == "www.contoso.test"
    assert own.needed is Needed.TAKE
    assert decided(own.tls, Asked(TlsState.AUTO, label="contoso")).tls == AUTO


def test_what_was_read_without_its_key_may_be_written_back() -> None:
    asked = Asked(TlsState.ENABLED, host="www.contoso.test")
    assert decided(OWN, asked) == Decision(OWN, Needed.NOTHING)


@pytest.mark.parametrize(
    "asked",
    [
        Asked(TlsState.ENABLED, host="www.fabrikam.test"),
        Asked(TlsState.ENABLED, host="www.contoso.test", key="a key"),
        GIVEN,
    ],
)
def test_a_certificate_of_ones_own_comes_with_key_and_name(asked: Asked) -> None:
    with pytest.raises(BadInput):
        decided(OWN, asked)


@pytest.mark.parametrize("label", ["", "-a", "a-", "a.b", "a" * 57, "a/b", "1a", "ä"])
def test_what_is_no_label_is_refused(label: str) -> None:
    with pytest.raises(BadInput, match="leaf domain label"):
        decided(UNSEALED, Asked(TlsState.AUTO, label=label))


def test_within_a_network_no_name_of_ours_leads() -> None:
    with pytest.raises(BadInput, match="internal load balancer"):
        decided(UNSEALED, Asked(TlsState.AUTO, label="contoso"), internal=True)
    own = replace(GIVEN, host="www.contoso.test")
    assert decided(UNSEALED, own, internal=True).needed is Needed.TAKE


def test_nothing_asked_changes_nothing() -> None:
    assert decided(AUTO, Asked()) == Decision(AUTO, Needed.NOTHING)
