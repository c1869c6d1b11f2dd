"""What is written for nginx, read again as nginx reads it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermetic.certificates.names import ServerName
from hermetic.errors import BadInput
from hermetic.fronts.fields import IDENTITY, ORIGIN
from hermetic.fronts.files import Files
from hermetic.fronts.front import Front, Profile, Role, Upstream
from hermetic.fronts.nginx import configuration
from hermetic.fronts.proxies import Proxies
from hermetic.http.limits import WireLimits
from tests.support.nginx import Directive, parse

NAME = ServerName.parse("models.example.com")
FRONT = Front(Role.WEB, (NAME,), Upstream.parse([], None, Role.WEB))
COMPUTE = Front(Role.COMPUTE, (NAME,), Upstream.parse([], None, Role.COMPUTE), Profile.MODERN)
FILES = Files("/etc/web.pem", "/etc/web.key", upstream_ca="/etc/ca.pem")
LENT = replace(FILES, upstream_certificate="/etc/auth.pem", upstream_key="/etc/auth.key")
PLAIN = replace(FRONT, upstream=Upstream.parse(["http://127.0.0.1:12800"], None, Role.WEB))


def server(front: Front = FRONT, files: Files = FILES) -> Directive:
    """Return the server that speaks TLS."""
    return parse(configuration(front, files)).blocks("server")[-1]


def test_it_listens_with_tls_on_443_of_both_families() -> None:
    found = server()
    assert found.named("listen") == [["0.0.0.0:443", "ssl"], ["[::]:443", "ssl"]]
    assert found.named("server_name") == [["models.example.com"]]
    assert found.named("ssl_certificate") == [["/etc/web.pem"]]
    assert found.named("ssl_certificate_key") == [["/etc/web.key"]]


@pytest.mark.parametrize(
    ("profile", "versions"),
    [(Profile.MODERN, [["TLSv1.3"]]), (Profile.INTERMEDIATE, [["TLSv1.2", "TLSv1.3"]])],
)
def test_the_profile_decides_which_versions_there_are(
    profile: Profile, versions: list[list[str]]
) -> None:
    found = server(replace(FRONT, profile=profile))
    assert found.named("ssl_protocols") == versions
    assert found.named("ssl_ecdh_curve") == [["X25519:prime256v1:secp384r1"]]
    assert found.named("ssl_session_tickets") == [["off"]]
    assert bool(found.named("ssl_ciphers")) == (profile is Profile.INTERMEDIATE)


def test_the_nodes_certificate_is_checked() -> None:
    found = server()
    assert found.named("proxy_ssl_verify") == [["on"]]
    assert found.named("proxy_ssl_trusted_certificate") == [["/etc/ca.pem"]]
    assert found.named("proxy_ssl_name") == [["localhost"]]
    assert found.named("proxy_ssl_server_name") == [["on"]]
    assert found.named("proxy_ssl_protocols") == [["TLSv1.3"]]
    assert found.named("proxy_ssl_certificate") == []
    for location in found.blocks("location"):
        assert location.named("proxy_pass") == [["https://hermetic_web_models_example_com"]]


def test_plain_http_to_the_node_is_there_if_asked_for() -> None:
    found = server(PLAIN, replace(FILES, upstream_ca=None))
    assert found.named("proxy_ssl_verify") == []
    assert found.blocks("location")[-1].named("proxy_pass")[0][0].startswith("http://hermetic")


def test_it_shows_nodes_a_certificate_if_it_has_one() -> None:
    found = server(COMPUTE, replace(LENT, client_ca="/etc/clients.pem"))
    assert found.named("proxy_ssl_certificate") == [["/etc/auth.pem"]]
    assert found.named("proxy_ssl_certificate_key") == [["/etc/auth.key"]]
    assert found.named("ssl_verify_client") == [["on"]]
    assert found.named("ssl_client_certificate") == [["/etc/clients.pem"]]
    assert found.named("ssl_session_cache") == [["off"]]


def test_a_certificate_is_demanded_and_a_revoked_one_refused_only_if_asked_for() -> None:
    assert server().named("ssl_verify_client") == []
    files = replace(FILES, client_ca="/etc/clients.pem")
    assert server(files=files).named("ssl_crl") == []
    found = server(files=replace(files, client_crl="/etc/crl.pem"))
    assert found.named("ssl_crl") == [["/etc/crl.pem"]]


@pytest.mark.parametrize(
    ("front", "files", "reason"),
    [
        (FRONT, replace(FILES, upstream_ca=None), "--upstream-ca"),
        (PLAIN, FILES, "certificates mean nothing"),
        (PLAIN, replace(LENT, upstream_ca=None), "certificates mean nothing"),
        (COMPUTE, LENT, "lend a web node's identity to anybody"),
    ],
)
def test_what_would_leave_a_hop_open_is_refused(front: Front, files: Files, reason: str) -> None:
    with pytest.raises(BadInput, match=reason):
        configuration(front, files)


def test_without_a_redirect_nothing_listens_for_plain_http() -> None:
    found = parse(configuration(FRONT, FILES)).blocks("server")
    assert len(found) == 1


def test_plain_http_is_redirected_with_308_and_nothing_else() -> None:
    front = replace(FRONT, redirect_from=80, port=8443)
    redirecting, _ = parse(configuration(front, FILES)).blocks("server")
    assert redirecting.named("listen") == [["0.0.0.0:80"], ["[::]:80"]]
    assert redirecting.named("return") == [["308", "https://$host:8443$request_uri"]]
    assert redirecting.named("add_header") == []


def test_no_claim_of_a_client_gets_through_but_those_that_are_written_anew() -> None:
    sent = {name.lower(): value for name, value in server().named("proxy_set_header")}
    assert sent.pop("x-forwarded-for") == "$remote_addr"
    assert sent.pop("x-forwarded-proto") == "https"
    assert sent.pop("x-forwarded-host") == "$host"
    claims = {*ORIGIN, *IDENTITY} - {"x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"}
    assert {name for name in claims if sent.get(name) != ""} == set()
    assert server().named("underscores_in_headers") == [["off"]]


def test_proxies_before_it_are_believed_only_if_named() -> None:
    assert server().named("set_real_ip_from") == []
    proxies = Proxies.parse(["10.0.0.0/8", "2001:db8::7"])
    found = server(replace(FRONT, proxies=proxies))
    assert found.named("set_real_ip_from") == [["10.0.0.0/8"], ["2001:db8::7/128"]]
    assert found.named("real_ip_recursive") == [["on"]]


def test_it_takes_what_a_node_takes_and_waits_as_long() -> None:
    found, limits = server(), WireLimits()
    assert found.named("client_max_body_size") == [[str(limits.upload_bytes)]]
    count, size = found.named("large_client_header_buffers")[0]
    assert int(count) * int(size.removesuffix("k")) * 1024 == limits.header_bytes
    assert found.named("client_header_timeout") == [[f"{limits.header_s:.0f}s"]]
    upstream = parse(configuration(FRONT, FILES)).blocks("upstream")[0]
    assert float(upstream.named("keepalive_timeout")[0][0].removesuffix("s")) < limits.idle_s


def test_nothing_is_repeated_or_written_to_the_disk() -> None:
    found = server()
    # Without `non_idempotent` a POST goes to another node only if nothing was sent to the first.
    assert found.named("proxy_next_upstream") == [["error", "timeout"]]
    assert found.named("proxy_request_buffering") == [["off"]]
    assert found.named("proxy_max_temp_file_size") == [["0"]]
    assert found.named("proxy_read_timeout") == [["3600s"]]
    assert found.named("gzip") == [["off"]]


def test_several_nodes_share_the_calls() -> None:
    upstream = Upstream.parse(["https://10.0.0.1-2:12800,https://[::1]:1"], "nodes.test", Role.WEB)
    (found,) = parse(configuration(replace(FRONT, upstream=upstream), FILES)).blocks("upstream")
    assert [one[0] for one in found.named("server")] == [
        "10.0.0.1:12800",
        "10.0.0.2:12800",
        "[::1]:1",
    ]
    assert found.named("least_conn") == [[]]


def test_no_query_and_no_token_is_logged() -> None:
    text = configuration(FRONT, FILES)
    (line,) = [one for one in text.splitlines() if one.startswith("log_format")]
    for secret in ("$request_uri", "$args", "$query_string", "$request ", "$http_", "$uri"):
        assert secret not in line
    (token, _) = server().blocks("location")
    assert token.words[1:] == ["~*", "^/login/refreshtoken"]
    assert token.named("error_log") == [["/dev/null", "emerg"]]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("models.example.com", "^(?:models\\.example\\.com)$"),
        ("10.0.0.7", "^(?:10\\.0\\.0\\.7)$"),
        ("2001:db8::7", "^(?:\\[2001:db8::7\\])$"),
    ],
)
def test_it_answers_to_its_names_only(name: str, expected: str) -> None:
    found = server(replace(FRONT, names=(ServerName.parse(name),)))
    (guard,) = found.blocks("if")
    assert guard.words == ["if", "($host", "!~", expected, ")"]
    assert guard.named("return") == [["421"]]


def test_a_name_too_long_for_a_hash_becomes_a_pattern() -> None:
    long = f"{'a' * 60}.{'b' * 60}.example.com"
    found = server(replace(FRONT, names=(NAME, ServerName.parse(long))))
    pattern = "~^" + long.replace(".", "\\.") + "$"
    assert found.named("server_name") == [["models.example.com", pattern]]


@pytest.mark.parametrize("which", ["name", "path", "node", "upstream name"])
@given(text=st.text(alphabet="ab1.-_;{}$\"'\\ \n\t#[]:/~", min_size=1, max_size=8))
def test_no_argument_adds_a_directive_or_a_block(which: str, text: str) -> None:
    said = {"name": "a", "path": "a", "node": "a", "upstream name": "a"} | {which: text}
    try:
        upstream = Upstream.parse([f"https://{said['node']}"], said["upstream name"], Role.WEB)
        front = Front(Role.WEB, (ServerName.parse(said["name"]),), upstream)
        made = configuration(front, Files(f"/{said['path']}", "/key", upstream_ca="/ca"))
    except BadInput:
        return
    assert shape(parse(made)) == shape(parse(configuration(FRONT, FILES)))


def shape(directive: Directive) -> list[object]:
    """Return the names of all directives, each with what is inside it."""
    return [(one.words[0], shape(one)) for one in directive.block or []]
