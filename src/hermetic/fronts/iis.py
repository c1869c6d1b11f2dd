"""IIS in front of a node: a PowerShell script that sets it up, and the `web.config` of its site.

Written from Microsoft's manuals for IIS 10 with URL Rewrite 2.1 and Application Request Routing
3.0, and never run on Windows; what it writes says so.  No value gets in that means anything to
PowerShell or XML: names, numbers and thumbprints consist of a few harmless characters.
"""

import re
from collections.abc import Iterator

from hermetic.errors import BadInput
from hermetic.fronts.fields import IDENTITY, ORIGIN
from hermetic.fronts.front import EVERYWHERE, HSTS, Front, Profile

UNTESTED = "Generated, and not tested on Windows: try it on a machine that may fail."
"""What every file written for IIS says."""

_THUMBPRINT = re.compile(r"[0-9A-F]{40}\Z")
_APPLICATION = "{8d5c1f5e-52f1-4b0e-9c0e-6f1f5a3b8f10}"  # any GUID; http.sys keeps who bound what
_MOST_BYTES = 4294967295  # what the attribute can say, and ML Server's template did


def script(front: Front, thumbprint: str, *, demands_certificate: bool = False) -> str:
    """Return a script that binds the certificate, opens the firewall and writes `web.config`.

    Args:
        thumbprint: Of the certificate in the machine's own store; blanks and case do not count.
        demands_certificate: Whether clients have to show one, of an authority Windows trusts.

    Raises:
        BadInput: It is no thumbprint, or IIS cannot do what *front* asks for.
    """
    _check(front)
    found = "".join(thumbprint.split()).upper().lstrip("\u200e")
    if not _THUMBPRINT.match(found):
        raise BadInput(
            f"{thumbprint[:100]!r} is no thumbprint: write the 40 hexadecimal digits that"
            " `Get-ChildItem Cert:\\LocalMachine\\My` shows."
        )
    lines = [
        *_head(front, found),
        *_binding(front, demands_certificate=demands_certificate),
        *_proxy(front),
        "# The site's own part; nothing in it is expanded.",
        "$config = @'",
        web_config(front, demands_certificate=demands_certificate).rstrip("\n"),
        "'@",
        '$folder = [Environment]::ExpandEnvironmentVariables((Get-Item "IIS:\\Sites\\$site").physicalPath)',
        "Set-Content -Path (Join-Path $folder 'web.config') -Value $config -Encoding UTF8",
        "",
        *_ending(front),
    ]
    return "\r\n".join("\n".join(lines).split("\n")) + "\r\n"


def web_config(front: Front, *, demands_certificate: bool = False) -> str:
    """Return the `web.config` of the site; arguments as `script`."""
    _check(front)
    flags = "Ssl, SslNegotiateCert, SslRequireCert" if demands_certificate else "Ssl"
    node = front.upstream.addresses[0]
    host = front.upstream.name.text if front.upstream.name is not None else node.host
    target = f"{node.scheme}://{f'[{host}]' if ':' in host else host}:{node.port}"
    most = min(front.body_bytes, _MOST_BYTES)
    limits = f'maxAllowedContentLength="{most}" maxUrl="8192" maxQueryString="8192"'
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        f"<!-- Written by `hermetic frontend config iis`. {UNTESTED} -->",
        "<configuration>",
        "  <system.webServer>",
        "    <security>",
        f'      <access sslFlags="{flags}" />',
        "      <requestFiltering>",
        "        <!-- As much as IIS can take; the node has limits of its own. -->",
        f"        <requestLimits {limits} />",
        "      </requestFiltering>",
        "    </security>",
        "    <rewrite>",
        "      <rules>",
        "        <clear />",
        '        <rule name="hermetic" stopProcessing="true">',
        '          <match url=".*" />',
        "          <serverVariables>",
        "            <!-- Whoever sends one of these from outside wants to be somebody else. Routing",
        "                 adds the client's true address as X-Forwarded-For after this. -->",
        *(f'            <set name="{name}" value="" />' for name in _variables()),
        '            <set name="HTTP_X_FORWARDED_PROTO" value="https" />',
        "          </serverVariables>",
        f'          <action type="Rewrite" url="{target}/{{R:0}}" appendQueryString="true" />',
        "        </rule>",
        "      </rules>",
        "      <outboundRules>",
        "        <clear />",
        '        <rule name="hermetic: HTTPS only, for two years">',
        '          <match serverVariable="RESPONSE_Strict_Transport_Security" pattern=".*" />',
        f'          <action type="Rewrite" value="{HSTS}" />',
        "        </rule>",
        "      </outboundRules>",
        "    </rewrite>",
        "  </system.webServer>",
        "</configuration>",
    ]
    return "\n".join(lines) + "\n"


def _check(front: Front) -> None:
    if len(front.upstream.addresses) > 1:
        raise BadInput(
            f"IIS passes requests on to one node, not to {len(front.upstream.addresses)}: name one"
            " with --upstream, or use nginx."
        )
    if front.addresses != EVERYWHERE or front.proxies or front.redirect_from is not None:
        raise BadInput(
            "For IIS neither addresses to listen on, nor proxies to believe, nor a redirect can be"
            " written: leave those options out, or use nginx."
        )


def _variables() -> Iterator[str]:
    for name in (*ORIGIN, *IDENTITY):
        if name != "x-forwarded-proto":
            yield f"HTTP_{name.upper().replace('-', '_')}"


def _head(front: Front, thumbprint: str) -> list[str]:
    names = ", ".join(f"'{name}'" for name in front.names)
    return [
        "# Written by `hermetic frontend config iis`; write it anew rather than edit it.",
        f"# {UNTESTED}",
        "#",
        f"# IIS in front of the {front.role} node {front.upstream.addresses[0]}",
        "# Needs IIS 10, URL Rewrite 2.1 and Application Request Routing 3.0; run as administrator:",
        "#   powershell -ExecutionPolicy RemoteSigned -File hermetic.ps1 [-Site 'Default Web Site']",
        "param([string]$Site = 'Default Web Site')",
        "",
        "$ErrorActionPreference = 'Stop'",
        "Import-Module WebAdministration",
        f"$thumbprint = '{thumbprint}'",
        f"$names = @({names})",
        f"$port = {front.port}",
        "$server = 'MACHINE/WEBROOT/APPHOST'",
        "",
        '$certificate = Get-Item "Cert:\\LocalMachine\\My\\$thumbprint"',
        'if (-not $certificate.HasPrivateKey) { throw "The certificate $thumbprint has no key." }',
        "if (-not (Get-WebGlobalModule -Name RewriteModule)) { throw 'Install URL Rewrite first.' }",
        "if (-not (Get-WebGlobalModule -Name ApplicationRequestRouting)) {",
        "    throw 'Install Application Request Routing first.'",
        "}",
        "",
    ]


def _binding(front: Front, *, demands_certificate: bool) -> list[str]:
    named = not any(name.address is not None for name in front.names)
    # A client that calls an address names no host in its handshake.
    binding = (
        "    New-WebBinding -Name $site -Protocol https -Port $port -HostHeader $name -SslFlags 1"
        if named
        else "    New-WebBinding -Name $site -Protocol https -Port $port"
    )
    asks = "enable" if demands_certificate else "disable"
    where = '"hostnameport=${name}:$port"' if named else '"ipport=0.0.0.0:$port"'
    names = "$names" if named else "@('')"
    # TLS 1.0 and 1.1 from Windows Server 2019 on, 1.2 from 2022 on
    modern = " disabletls12=enable" if front.profile is Profile.MODERN else ""
    return [
        "# HTTPS with the certificate; plain HTTP is gone, so that nothing can be sent readable.",
        "Get-WebBinding -Name $site | Remove-WebBinding",
        f"foreach ($name in {names}) {{",
        binding,
        f"    netsh http delete sslcert {where} | Out-Null",
        "    # Asked for in the first handshake if at all: TLS 1.3 knows no second one.",
        f'    netsh http add sslcert {where} certhash=$thumbprint "appid={_APPLICATION}" `',
        f"        certstorename=MY clientcertnegotiation={asks} verifyclientcertrevocation=enable `",
        f"        disablelegacytls=enable{modern}",
        "    if ($LASTEXITCODE) { throw 'The certificate was not bound.' }",
        "}",
        "",
    ]


def _proxy(front: Front) -> list[str]:
    names = [*_variables(), "HTTP_X_FORWARDED_PROTO", "RESPONSE_Strict_Transport_Security"]
    return [
        "# Routing to other servers; a call may take an hour.",
        "$proxy = @{ PSPath = $server; Filter = 'system.webServer/proxy' }",
        "Set-WebConfigurationProperty @proxy -Name enabled -Value $true",
        "Set-WebConfigurationProperty @proxy -Name preserveHostHeader -Value $true",
        "Set-WebConfigurationProperty @proxy -Name timeout -Value '01:00:00'",
        "Set-WebConfigurationProperty @proxy -Name reverseRewriteHostInResponseHeaders -Value $false",
        "",
        "# The site may say that it wants TLS, and which fields of a request it writes anew.",
        "Set-WebConfiguration -PSPath $server -Filter system.webServer/security/access `",
        "    -Metadata overrideMode -Value Allow",
        "$allowed = 'system.webServer/rewrite/allowedServerVariables'",
        "Clear-WebConfiguration -PSPath $server -Location $site -Filter $allowed",
        "foreach ($variable in @(",
        ",\n".join(f"    '{name}'" for name in names),
        ")) {",
        "    Add-WebConfigurationProperty -PSPath $server -Location $site -Filter $allowed -Name '.' `",
        "        -Value @{ name = $variable }",
        "}",
        "",
    ]


def _ending(front: Front) -> list[str]:
    trust = [
        "# The node's certificate is checked against the authorities Windows trusts.  For one of our",
        "# own: Import-Certificate -FilePath ca.pem -CertStoreLocation Cert:\\LocalMachine\\Root",
    ]
    return [
        *(trust if front.upstream.is_sealed else []),
        "if (-not (Get-NetFirewallRule -Name hermetic-https -ErrorAction SilentlyContinue)) {",
        "    New-NetFirewallRule -Name hermetic-https -DisplayName 'Hermetic (HTTPS)' `",
        "        -Direction Inbound -Protocol TCP -LocalPort $port -Action Allow | Out-Null",
        "}",
        "",
        "# iisreset interrupts every site of this machine, so it is left to you.",
        "Write-Host 'Done. Run iisreset to make it take effect.'",
    ]
