"""The settings of certificates from an ACME server."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from hermetic.config.declaration import Choice, Form, Range, setting
from hermetic.errors import BadConfiguration

CHALLENGES = ("http-01", "tls-alpn-01", "dns-01")
_PORT = Range(1, 65535)
_PLACE = re.compile(r"(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?\Z")


def sealed_address(text: str) -> str | None:
    """Return *text* if it is an https:// address."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    return text if parts.scheme == "https" and parts.hostname else None


def place(text: str) -> str | None:
    """Return *text* if it is an address, with a port or without."""
    return text if _PLACE.match(text) else None


@dataclass(frozen=True)
class Acme:
    """Certificates from an ACME server, which renew themselves."""

    directory: str = setting(
        "",
        "the directory of an ACME server, which then certifies Certificates.Names",
        takes=Form("an https:// address", sealed_address),
    )
    ca: str = setting("", "a file with the authority to believe that server by; else the system's")
    agree_tos: bool = setting(False, "whether you agree to its terms of service")
    contact: tuple[str, ...] = setting((), "mail addresses for news about the account there")
    challenge: str = setting(
        "http-01", "how it is proved that the names are ours", takes=Choice(CHALLENGES)
    )
    http_port: int = setting(80, "where port 80 of the names leads to here", takes=_PORT)
    tls_port: int = setting(443, "where port 443 of the names leads to here", takes=_PORT)
    webroot: str = setting("", "a folder that another server serves on port 80 of the names")
    dns_server: str = setting(
        "",
        "the primary DNS server of the names, which takes signed updates (RFC 2136)",
        takes=Form("an address such as 10.0.0.53 or 10.0.0.53:53", place),
    )
    dns_key_file: str = setting("", "the key for those updates, a file as tsig-keygen writes it")
    dns_program: str = setting(
        "", "a program that changes the DNS instead: PROGRAM present|withdraw NAME VALUE"
    )
    eab_kid: str = setting("", "the name of an account that the authority knows already")
    eab_key_file: str = setting("", "a file with the key of that account, in base64url")
    profile: str = setting("", "the profile to ask for, such as shortlived")
    root: str = setting("", "a word in the name of the root to prefer, if several are offered")

    def __post_init__(self) -> None:
        path = "Certificates.Acme"
        if bool(self.eab_kid) != bool(self.eab_key_file):
            raise BadConfiguration(
                f"{path}.EabKid and {path}.EabKeyFile belong together: write both, or neither.",
                key=f"{path}.EabKid",
            )
        if self.challenge == "dns-01" and bool(self.dns_server) == bool(self.dns_program):
            raise BadConfiguration(
                f"dns-01 changes the DNS by updates or by a program: write {path}.DnsServer (and"
                " DnsKeyFile), or DnsProgram, and not both.",
                key=f"{path}.Challenge",
            )
        if self.challenge != "dns-01" and (self.dns_server or self.dns_program):
            raise BadConfiguration(
                f"{path}.DnsServer and DnsProgram are for the challenge dns-01: set"
                f" {path}.Challenge to it, or remove them.",
                key=f"{path}.Challenge",
            )
