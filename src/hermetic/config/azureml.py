"""The settings of the workspace that clients of Azure ML see."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from hermetic.config.acme import Acme, place
from hermetic.config.declaration import Choice, Form, Range, setting
from hermetic.errors import BadConfiguration

ISSUERS = ("authority", "acme")
_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
_LABEL = re.compile(r"[a-z](?:[a-z0-9-]{0,40}[a-z0-9])?\Z")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{1,62}\Z")
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]\Z")


def _guid(text: str) -> str | None:
    return text.lower() if _GUID.match(text.lower()) else None


def _label(text: str) -> str | None:
    return text.lower() if _LABEL.match(text.lower()) else None


def _name(text: str) -> str | None:
    return text if _NAME.match(text) else None


def _domain(text: str) -> str | None:
    return text.lower() if _DOMAIN.match(text.lower()) else None


def _address(text: str) -> str | None:
    try:
        return str(ip_address(text))
    except ValueError:
        return None


@dataclass(frozen=True)
class AzureMl:
    """The workspace that clients of Azure ML see, and where what they deploy is reached."""

    enabled: bool = setting(True, "whether clients of Azure ML are answered at all")
    subscription_id: str = setting(
        "6865726d-6574-4963-8000-000000000001",
        "the subscription the workspace is said to be of",
        takes=Form("a GUID", _guid),
    )
    resource_group: str = setting(
        "hermetic", "its resource group", takes=Form("2 to 63 letters, digits, _ and -", _name)
    )
    workspace: str = setting(
        "hermetic", "its name", takes=Form("2 to 63 letters, digits, _ and -", _name)
    )
    region: str = setting(
        "local",
        "its location, and the second label of the names of front ends",
        takes=Form("a label of a host name", _label),
    )
    domain: str = setting(
        "hermetic.internal",
        "the DNS domain below which front ends and the storage have their names",
        takes=Form("a domain such as models.example.com", _domain),
    )
    cluster: str = setting(
        "hermetic",
        "the name by which a compute attaches what this installation runs on",
        takes=Form("2 to 63 letters, digits, _ and -", _name),
    )
    address: str = setting(
        "",
        "the address those names lead to; else this machine's own",
        takes=Form("an address such as 10.0.0.7", _address),
    )
    plain_http: bool = setting(
        False,
        "whether what is deployed without TLS is answered in plain HTTP, on a port of its own",
    )
    http_port: int = setting(80, "that port; 0 takes any free one", takes=Range(0, 65535))
    dns_server: str = setting(
        "",
        "the primary DNS server of Domain, which takes signed updates (RFC 2136); names of front"
        " ends then lead to Address by themselves",
        takes=Form("an address such as 10.0.0.53 or 10.0.0.53:53", place),
    )
    dns_key_file: str = setting("", "the key for those updates, a file as tsig-keygen writes it")
    issuer: str = setting(
        "authority",
        "who certifies the names of front ends that have a leaf domain label: this installation's"
        " own authority, or the ACME server of Certificates.Acme",
        takes=Choice(ISSUERS),
    )
    self_signed: bool = setting(
        False, "whether certificates that nobody vouches for may be given, to try things out"
    )

    @property
    def is_by_acme(self) -> bool:
        """Whether an ACME server certifies the names of front ends."""
        return self.issuer == "acme"


def refuse_unissuable(azureml: AzureMl, servers: Sequence[Acme]) -> None:
    """Refuse settings by which an ACME server could certify no front end.

    Args:
        azureml: What is said of front ends.
        servers: The ACME servers that are named.

    Raises:
        BadConfiguration: None is named, or its proofs would be looked for at a port in use.
    """
    if not (azureml.enabled and azureml.is_by_acme):
        return
    if not servers:
        raise BadConfiguration(
            "AzureML.Issuer is acme, and no ACME server is named: write"
            " Certificates.Acme.Directory, or let the own authority certify front ends.",
            key="AzureML.Issuer",
        )
    if any(_shares_port(one, azureml) for one in servers):
        raise BadConfiguration(
            f"Port {azureml.http_port} is where plain HTTP is answered, and where an ACME"
            " server looks for proofs (http-01): let front ends be proved by AzureML.DnsServer,"
            " or choose another AzureML.HttpPort.",
            key="AzureML.HttpPort",
        )


def _shares_port(acme: Acme, azureml: AzureMl) -> bool:
    """Whether answers of http-01 would be shown where *azureml* answers plain HTTP."""
    shown = acme.challenge == "http-01" and not acme.webroot and not azureml.dns_server
    return shown and azureml.plain_http and azureml.http_port == acme.http_port
