"""Which proxies are believed."""

from ipaddress import ip_address

import pytest

from hermetic.errors import BadConfiguration
from hermetic.fronts.proxies import Proxies


def test_addresses_and_networks_of_both_families_may_be_listed() -> None:
    proxies = Proxies.parse(["10.0.0.7", " 192.0.2.0/24", "2001:db8::/32"])
    for text in ("10.0.0.7", "192.0.2.200", "2001:db8::9"):
        assert ip_address(text) in proxies
    for text in ("10.0.0.8", "192.0.3.1", "2001:db9::1"):
        assert ip_address(text) not in proxies


def test_nobody_is_believed_by_default() -> None:
    assert not Proxies()
    assert ip_address("127.0.0.1") not in Proxies()


@pytest.mark.parametrize(
    ("entry", "remedy"),
    [
        ("", "write one such as"),
        ("proxy.example.com", "write one such as"),
        ("10.0.0.1/8", "host bits set"),
        ("10.0.0.0/33", "write one such as"),
        ("0.0.0.0/0", "would believe everybody"),
        ("::/0", "would believe everybody"),
    ],
)
def test_a_list_of_proxies_is_checked(entry: str, remedy: str) -> None:
    with pytest.raises(BadConfiguration, match=remedy):
        Proxies.parse(["10.0.0.7", entry])
