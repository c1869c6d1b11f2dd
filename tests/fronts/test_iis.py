"""What is written for IIS; no Windows is asked, so its form is all that can be judged."""

import re
from dataclasses import replace
from ipaddress import ip_address
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermetic.certificates.names import ServerName
from hermetic.errors import BadInput
from hermetic.fronts.fields import IDENTITY, ORIGIN
from hermetic.fronts.front import Front, Profile, Role, Upstream
from hermetic.fronts.iis import UNTESTED, script, web_config
from hermetic.fronts.proxies import Proxies

NAME = ServerName.parse("models.example.com")
FRONT = Front(Role.WEB, (NAME,), Upstream.parse([], None, Role.WEB))
THUMBPRINT = "0123456789abcdef0123456789ABCDEF01234567"
SITE = "system.webServer"


def found(config: str, path: str) -> dict[str, str]:
    """Return the attributes of the one element at *path* below the site."""
    (element,) = ElementTree.fromstring(config).findall(f"{SITE}/{path}")
    return element.attrib


def statements(text: str) -> str:
    """Return the script without its comments and without the file it writes."""
    bare = re.sub(r"\$config = @'\r\n.*?\r\n'@", "$config = ''", text, flags=re.DOTALL)
    return "\r\n".join(line for line in bare.split("\r\n") if not line.startswith("#"))


def test_every_request_goes_to_the_node_over_tls() -> None:
    config = web_config(FRONT)
    assert found(config, "rewrite/rules/rule/match") == {"url": ".*"}
    action = found(config, "rewrite/rules/rule/action")
    assert action["url"] == "https://localhost:12800/{R:0}"
    assert action["appendQueryString"] == "true"


@pytest.mark.parametrize(
    ("node", "url"),
    [
        ("https://node.example.com:12805", "https://node.example.com:12805/{R:0}"),
        ("http://127.0.0.1:12805", "http://127.0.0.1:12805/{R:0}"),
        ("http://[::1]:12805", "http://[::1]:12805/{R:0}"),
    ],
)
def test_the_node_is_called_by_the_name_of_its_certificate(node: str, url: str) -> None:
    front = replace(FRONT, upstream=Upstream.parse([node], None, Role.COMPUTE))
    assert found(web_config(front), "rewrite/rules/rule/action")["url"] == url


@pytest.mark.parametrize(
    ("demands", "flags", "asks"),
    [
        (False, "Ssl", "clientcertnegotiation=disable"),
        (True, "Ssl, SslNegotiateCert, SslRequireCert", "clientcertnegotiation=enable"),
    ],
)
def test_tls_is_required_and_a_certificate_if_asked_for(
    demands: bool, flags: str, asks: str
) -> None:
    config = web_config(FRONT, demands_certificate=demands)
    assert found(config, "security/access") == {"sslFlags": flags}
    assert asks in script(FRONT, THUMBPRINT, demands_certificate=demands)


def test_it_takes_as_much_as_iis_can() -> None:
    limits = found(web_config(FRONT), "security/requestFiltering/requestLimits")
    assert limits["maxAllowedContentLength"] == "4294967295"


def test_hsts_is_said_once_whatever_the_node_says() -> None:
    config = web_config(FRONT)
    match = found(config, "rewrite/outboundRules/rule/match")
    assert match["serverVariable"] == "RESPONSE_Strict_Transport_Security"
    assert found(config, "rewrite/outboundRules/rule/action")["value"] == "max-age=63072000"


def test_no_claim_of_a_client_gets_through() -> None:
    site = ElementTree.fromstring(web_config(FRONT))
    written = {
        one.attrib["name"]: one.attrib["value"]
        for one in site.findall(f"{SITE}/rewrite/rules/rule/serverVariables/set")
    }
    assert written.pop("HTTP_X_FORWARDED_PROTO") == "https"
    assert set(written.values()) == {""}
    names = {f"HTTP_{name.upper().replace('-', '_')}" for name in (*ORIGIN, *IDENTITY)}
    assert set(written) == names - {"HTTP_X_FORWARDED_PROTO"}
    allowed = set(re.findall(r"^    '([A-Za-z_0-9]+)'", script(FRONT, THUMBPRINT), re.MULTILINE))
    assert allowed == names | {"RESPONSE_Strict_Transport_Security"}


def test_the_script_binds_opens_routes_and_leaves_iisreset_to_its_reader() -> None:
    text = statements(script(FRONT, "01 23 45 67 " + THUMBPRINT[8:]))
    for part in (
        f"$thumbprint = '{THUMBPRINT.upper()}'",
        "$names = @('models.example.com')",
        "Get-WebBinding -Name $site | Remove-WebBinding",
        "New-WebBinding -Name $site -Protocol https -Port $port -HostHeader $name -SslFlags 1",
        "disablelegacytls=enable",
        "New-NetFirewallRule",
        "-Name timeout -Value '01:00:00'",
        "Run iisreset",
    ):
        assert part in text
    assert "disabletls12" not in text
    assert "disabletls12=enable" in script(replace(FRONT, profile=Profile.MODERN), THUMBPRINT)


def test_an_address_is_bound_without_a_name() -> None:
    text = script(replace(FRONT, names=(ServerName.parse("10.0.0.7"),)), THUMBPRINT)
    assert "-HostHeader" not in text
    assert '"ipport=0.0.0.0:$port"' in text


def test_the_script_holds_the_configuration_as_it_is_and_its_braces_are_even() -> None:
    text = script(FRONT, THUMBPRINT)
    assert web_config(FRONT).rstrip("\n").replace("\n", "\r\n") in text
    bare = statements(text)
    for one, other in ("{}", "()", "[]"):
        assert bare.count(one) == bare.count(other)
    assert all(line.count("'") % 2 == 0 and line.count('"') % 2 == 0 for line in bare.split("\r\n"))
    assert text.count("'@") == 1


def test_every_file_says_that_it_was_never_tried() -> None:
    assert UNTESTED in web_config(FRONT)
    assert script(FRONT, THUMBPRINT).count(UNTESTED) == 2


@pytest.mark.parametrize(
    "thumbprint", ["", "0123", THUMBPRINT + "00", THUMBPRINT[:-1] + "G", "'; iex x; '" + THUMBPRINT]
)
def test_what_is_no_thumbprint_is_refused(thumbprint: str) -> None:
    with pytest.raises(BadInput, match="is no thumbprint"):
        script(FRONT, thumbprint)


@pytest.mark.parametrize(
    "front",
    [
        replace(FRONT, upstream=Upstream.parse(["https://localhost:1-2"], None, Role.WEB)),
        replace(FRONT, addresses=(ip_address("127.0.0.1"),)),
        replace(FRONT, proxies=Proxies.parse(["10.0.0.0/8"])),
        replace(FRONT, redirect_from=80),
    ],
)
def test_what_iis_cannot_be_told_is_refused(front: Front) -> None:
    with pytest.raises(BadInput, match="use nginx"):
        script(front, THUMBPRINT)


@given(text=st.text(alphabet="ab1.-_;{}()<>&$`\"'@\\ \n#:", min_size=1, max_size=8))
def test_no_argument_ends_a_text_or_adds_an_element(text: str) -> None:
    try:
        upstream = Upstream.parse([f"https://{text}"], text, Role.WEB)
        front = Front(Role.WEB, (ServerName.parse(text),), upstream)
        made = web_config(front), script(front, THUMBPRINT)
    except BadInput:
        return
    elements = [one.tag for one in ElementTree.fromstring(made[0]).iter()]
    assert elements == [one.tag for one in ElementTree.fromstring(web_config(FRONT)).iter()]
    for quote in "'\"`$":
        assert made[1].count(quote) == script(FRONT, THUMBPRINT).count(quote)
