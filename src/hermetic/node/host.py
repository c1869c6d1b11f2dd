"""By which names and addresses this machine can be reached: what its certificate must say."""

import fcntl
import socket
import struct
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

from hermetic.certificates.names import ServerName
from hermetic.errors import BadInput
from hermetic.log import logger

log = logger(__name__)

LOOPBACK = ("localhost", "127.0.0.1", "::1")

_SIOCGIFADDR = 0x8915  # netdevice(7): the IPv4 address of an interface
_IPV6 = Path("/proc/net/if_inet6")


def names(further: Sequence[str] = (), *, bound: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the loopback names, the host's own name and addresses, and *further* ones.

    What the node listens on, *bound*, and the host's own name may be names that no certificate
    can say (`my_host`).  They are left out with a warning: it is then reached otherwise.

    No name server is asked: it might take its time, and say something else tomorrow.  Addresses
    that only hold on one link (169.254/16, fe80::/10) are left out.

    Raises:
        BadInput: One of *further* is neither a DNS name nor an address.
    """
    found = [*LOOPBACK, *_sayable(socket.gethostname()), *_addresses()]
    found += [ServerName.parse(name).text for name in further]
    found += [sayable for name in bound for sayable in _sayable(name)]
    return tuple(dict.fromkeys(found))


def outward(names: Sequence[str]) -> tuple[str, ...]:
    """Return *names* with those first that other machines know this one by."""
    return tuple(sorted(names, key=lambda name: name in LOOPBACK))


def is_here(address: str) -> bool:
    """Whether *address* is one of this machine: something can be bound to it."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((address.split("%", 1)[0], 0))
        except OSError:
            return False
    return True


def _sayable(name: str) -> Iterator[str]:
    try:
        yield ServerName.parse(name).text
    except BadInput as error:
        log.warning("certificate.name_left_out", name=name, reason=error.text)


def _addresses() -> Iterator[str]:
    addresses: list[IPv4Address | IPv6Address] = [*_ipv4(), *_ipv6()]
    for address in addresses:
        if not (address.is_loopback or address.is_link_local or address.is_unspecified):
            yield str(address)


def _ipv4() -> Iterator[IPv4Address]:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as asked:
        for _, interface in socket.if_nameindex():
            request = struct.pack("256s", interface.encode()[:15])
            with suppress(OSError):  # an interface without an IPv4 address
                answer = fcntl.ioctl(asked, _SIOCGIFADDR, request)
                yield IPv4Address(answer[20:24])


def _ipv6() -> Iterator[IPv6Address]:
    with suppress(OSError):  # a kernel without IPv6
        for line in _IPV6.read_text().splitlines():
            address = ip_address(bytes.fromhex(line.split()[0]))
            if isinstance(address, IPv6Address):
                yield address
