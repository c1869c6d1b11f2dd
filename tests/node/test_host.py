import socket
import subprocess

import pytest
from structlog.testing import capture_logs

from hermetic.errors import BadInput
from hermetic.node import host


def test_the_loopback_names_come_first_and_the_hosts_own_follow() -> None:
    found = host.names()
    assert found[:3] == ("localhost", "127.0.0.1", "::1")
    assert len(set(found)) == len(found)


def test_further_names_are_taken_in_the_form_certificates_have() -> None:
    found = host.names(["Node-7.Example", "bücher.example", "2001:DB8::1", "localhost"])
    assert found[-3:] == ("node-7.example", "xn--bcher-kva.example", "2001:db8::1")
    assert found.count("localhost") == 1


@pytest.mark.parametrize("name", ["two words", "", "-x-", "a..b"])
def test_what_no_certificate_could_say_is_refused(name: str) -> None:
    with pytest.raises(BadInput):
        host.names([name])


def test_the_hosts_own_name_is_left_out_where_no_certificate_could_say_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "my_host")
    with capture_logs() as logs:
        assert "my_host" not in host.names()
    assert [(line["event"], line["name"]) for line in logs] == [
        ("certificate.name_left_out", "my_host")
    ]


def test_what_the_node_listens_on_is_left_out_where_no_certificate_could_say_it() -> None:
    found = host.names(["a.example"], bound=["b.example", "b_c"])
    assert found[-2:] == ("a.example", "b.example")


def test_addresses_are_those_the_system_has() -> None:
    listed = subprocess.run(["ip", "-o", "address"], capture_output=True, text=True, check=False)
    addresses = [one for one in host.names() if one[0].isdigit() and not one.startswith("127.")]
    if listed.returncode == 0:
        assert all(f" {one}/" in listed.stdout for one in addresses)
    assert not any(one.startswith(("169.254.", "fe80")) for one in host.names())
