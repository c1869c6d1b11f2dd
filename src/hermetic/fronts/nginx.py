"""nginx in front of nodes: its configuration, as text.

Written for Debian 12 (nginx 1.22, OpenSSL 3.0), and taken by newer ones.  The text goes into the
`http` context.  Its comments are for whoever has to run it, who may never have heard of us; they
say why, since the directives say what.  No value gets in that could end a directive, begin a
variable or open a block: names, numbers and paths consist of a few harmless characters.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator

from hermetic.errors import BadInput
from hermetic.fronts.fields import IDENTITY, ORIGIN
from hermetic.fronts.files import Files
from hermetic.fronts.front import HSTS, Address, Front, Profile, Role

# Mozilla 5.7 and 6.0, without the finite-field DHE that 6.0 dropped.
_CIPHERS = (
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
)
_SET = ("x-forwarded-for", "x-forwarded-proto", "x-forwarded-host")
# The hashes of names and variables have room for 46 characters unless nginx.conf is changed.
_HASHED = 40
_READABLE = 24


def configuration(front: Front, files: Files) -> str:
    """Return the configuration of *front*.

    Raises:
        BadInput: The nodes' certificates could not be checked, or nginx would let anybody use
            what it shows to compute nodes.
    """
    _check(front, files)
    name = _identifier(front)
    sections = [
        _head(front),
        _upstream(front, name),
        _logging(front, name),
        *([_redirecting(front)] if front.redirect_from is not None else []),
        _server(front, files, name),
    ]
    return "\n".join("\n".join(section) + "\n" for section in sections)


def _check(front: Front, files: Files) -> None:
    sealed = front.upstream.is_sealed
    if sealed and files.upstream_ca is None:
        raise BadInput(
            f"Without the authority of the nodes behind it nginx cannot tell whether"
            f" {front.upstream.addresses[0]} is one of them: name its file with --upstream-ca"
            " (`ca.pem` of the home), or the system's, /etc/ssl/certs/ca-certificates.crt."
        )
    if not sealed and (files.upstream_ca or files.upstream_certificate):
        raise BadInput(
            f"{front.upstream.addresses[0]} is plain HTTP, where certificates mean nothing: write"
            " https://, or leave --upstream-ca and --upstream-certificate out."
        )
    lends = front.role is Role.COMPUTE and files.upstream_certificate is not None
    if lends and files.client_ca is None:
        raise BadInput(
            "With --upstream-certificate and without --client-ca nginx would lend a web node's"
            " identity to anybody: name the authority of your web nodes with --client-ca."
        )


def _identifier(front: Front) -> str:
    """Return a name for what stands in the `http` context, where all sites meet."""
    readable = re.sub(r"[^a-z0-9]+", "_", front.names[0].text).strip("_")
    if len(readable) > _READABLE:
        digest = hashlib.sha256(front.names[0].text.encode()).hexdigest()
        readable = f"{readable[: _READABLE - 7]}_{digest[:6]}"
    return f"hermetic_{front.role}_{readable}"


def _head(front: Front) -> list[str]:
    names, count = ", ".join(map(str, front.names)), len(front.upstream.addresses)
    return [
        "# Written by `hermetic frontend config nginx`; write it anew rather than edit it.",
        f"# {names}: {front.role} nodes behind it: {count}.",
        "#",
        f"# It belongs into the http context: /etc/nginx/conf.d/hermetic-{front.role}.conf.",
        "# `nginx -t` checks it, `systemctl reload nginx` takes it, also after a certificate was",
        "# replaced.  If other sites share the port, the first of them decides which versions of",
        "# TLS there are for all.",
    ]


def _upstream(front: Front, name: str) -> list[str]:
    addresses = front.upstream.addresses
    several = len(addresses) > 1
    choice = [
        "    # Calls differ in length, so the node with the fewest is next.",
        "    least_conn;",
        "    # One call that breaks must not take a node out, nor two of them all nodes.",
    ]
    limits = " max_fails=3 fail_timeout=5s" if several else ""
    return [
        f"upstream {name} {{",
        *(choice if several else []),
        *(f"    server {address.authority}{limits};" for address in addresses),
        "    # A handshake costs more than a call.  nginx gives connections up before the node does",
        "    # (65 s), so that no request meets a connection that is just being closed.",
        "    keepalive 64;",
        "    keepalive_timeout 30s;",
        "}",
    ]


def _logging(front: Front, name: str) -> list[str]:
    path, lines = "$uri", []
    if front.role is Role.WEB:
        path = f"${name}_uri"
        lines = [
            "# A refresh token may stand in an address.",
            f"map $uri {path} {{",
            "    default $uri;",
            '    "~*^/login/refreshtoken/" "/login/refreshToken/...";',
            "}",
            "",
        ]
    members = {
        "time": "$time_iso8601",
        "client": "$remote_addr",
        "method": "$request_method",
        "path": path,
        "status": "$status",
        "bytes": "$body_bytes_sent",
        "seconds": "$request_time",
        "node": "$upstream_addr",
        "node_seconds": "$upstream_response_time",
        "request_id": "$upstream_http_x_request_id",
        "tls": "$ssl_protocol",
    }
    line = ",".join(f'"{key}":"{value}"' for key, value in members.items())
    return [
        *lines,
        "# Without the query: it is $uri and not $request_uri.  Nor is any header field logged.",
        f"log_format {name} escape=json '{{{line}}}';",
    ]


def _redirecting(front: Front) -> list[str]:
    port = "" if front.port == 443 else f":{front.port}"
    return [
        "server {",
        *_listen(front.addresses, front.redirect_from or 80, ""),
        *_names(front),
        "    access_log off;",
        "    # 308 and never 301 or 302: those let a client turn POST into GET.  What it had to say",
        "    # was readable on the way here; clients should be told https:// in the first place.",
        f"    return 308 https://$host{port}$request_uri;",
        "}",
    ]


def _server(front: Front, files: Files, name: str) -> list[str]:
    scheme = "https" if front.upstream.is_sealed else "http"
    lines = [
        "server {",
        *_listen(front.addresses, front.port, " ssl"),
        *_names(front),
        *_tls(front, files, name),
        *_client_certificates(files),
        *_requests(front, files, name),
        *_fields(front),
        *_to_the_nodes(front, files),
    ]
    if front.role is Role.WEB:
        lines += [
            "    # When a node cannot be reached, nginx writes the whole address into its error log;",
            "    # this one may hold a token.",
            "    location ~* ^/login/refreshtoken {",
            "        error_log /dev/null emerg;",
            f"        proxy_pass {scheme}://{name};",
            "    }",
            "",
        ]
    return [
        *lines,
        "    location / {",
        "        # Without a path of its own, so that addresses get through as they were sent.",
        f"        proxy_pass {scheme}://{name};",
        "    }",
        "}",
    ]


def _listen(addresses: Iterable[Address], port: int, options: str) -> Iterator[str]:
    for address in addresses:
        host = f"[{address}]" if address.version == 6 else str(address)
        yield f"    listen {host}:{port}{options};"


def _names(front: Front) -> list[str]:
    hosts = [_host(name.text) for name in front.names]
    plain = [host for host in hosts if len(host) <= _HASHED]
    # A longer one does not fit into the hash, but a pattern does not need it.
    patterns = [f'"~^{re.escape(host)}$"' for host in hosts if len(host) > _HASHED]
    either = "|".join(map(re.escape, hosts))
    return [
        f"    server_name {' '.join([*plain, *patterns])};",
        "    # Also where this is the only site, and would be given what is meant for others.",
        f'    if ($host !~ "^(?:{either})$") {{',
        "        return 421;",
        "    }",
        "",
    ]


def _tls(front: Front, files: Files, name: str) -> list[str]:
    modern = front.profile is Profile.MODERN
    ciphers = [
        f"    ssl_ciphers {_CIPHERS};",
        "    # All of them are good; the client knows which its hardware has.",
        "    ssl_prefer_server_ciphers off;",
    ]
    sessions = [f"    ssl_session_cache shared:{name}:10m;", "    ssl_session_timeout 1d;"]
    if files.client_ca is not None:
        sessions = [
            "    # A resumed session would not be asked again whether its certificate still counts",
            "    # (CVE-2025-23419).",
            "    ssl_session_cache off;",
        ]
    return [
        "    # The whole chain, leaf first; clients do not fetch what is missing.",
        f"    ssl_certificate {files.certificate};",
        f"    ssl_certificate_key {files.key};",
        f"    # Mozilla's profile {front.profile}.  With OpenSSL 3.5 or newer, put X25519MLKEM768",
        "    # before the curves: what is recorded today cannot then be read by a machine of tomorrow.",
        f"    ssl_protocols {'TLSv1.3' if modern else 'TLSv1.2 TLSv1.3'};",
        *([] if modern else ciphers),
        "    ssl_ecdh_curve X25519:prime256v1:secp384r1;",
        "    # The key of tickets would live as long as nginx, and open all that was recorded.",
        "    ssl_session_tickets off;",
        *sessions,
        "",
    ]


def _client_certificates(files: Files) -> list[str]:
    if files.client_ca is None:
        return []
    crl = [
        "    # Needs a list of each authority in the chain, and `systemctl reload nginx` when renewed.",
        f"    ssl_crl {files.client_crl};",
    ]
    return [
        "    # Nobody gets further without a certificate of this authority.",
        f"    ssl_client_certificate {files.client_ca};",
        "    ssl_verify_client on;",
        "    ssl_verify_depth 3;",
        *(crl if files.client_crl is not None else []),
        "",
    ]


def _requests(front: Front, files: Files, name: str) -> list[str]:
    return [
        "    server_tokens off;",
        "    # Written in pieces, so that logging does not slow down calls.",
        f"    access_log {files.access_log} {name} buffer=64k flush=5s;",
        "    # Two years, from here and not from the node as well: one field, one meaning.",
        f'    add_header Strict-Transport-Security "{HSTS}" always;',
        "    proxy_hide_header Strict-Transport-Security;",
        "",
        "    # As much as a node takes, and as patient as a node is.",
        f"    client_max_body_size {front.body_bytes};",
        "    large_client_header_buffers 8 8k;",
        "    client_header_timeout 10s;",
        "    client_body_timeout 10s;",
        "    # Nothing of a call is written to the disk of this machine, and an upload of any size",
        "    # passes through at once.",
        "    proxy_request_buffering off;",
        "    proxy_max_temp_file_size 0;",
        "    # How well a secret compresses beside what a caller chose tells what it is (BREACH).",
        "    gzip off;",
        "",
    ]


def _fields(front: Front) -> list[str]:
    port = "" if front.port == 443 else f":{front.port}"
    removed = [one for one in (*ORIGIN, *IDENTITY) if one not in _SET]
    believed = [
        "    # These are believed about who their client is; anybody else is the client.",
        *(f"    set_real_ip_from {network};" for network in front.proxies.networks),
        "    real_ip_header X-Forwarded-For;",
        "    real_ip_recursive on;",
    ]
    return [
        *(believed if front.proxies else []),
        "    # SSL_CLIENT_CERT and the like: to many programs the same as with hyphens.",
        "    underscores_in_headers off;",
        "    ignore_invalid_headers on;",
        f"    proxy_set_header Host $host{port};",
        f"    proxy_set_header X-Forwarded-Host $host{port};",
        "    proxy_set_header X-Forwarded-Proto https;",
        "    # Set and not appended to: what the client wrote there itself is worth nothing.",
        "    proxy_set_header X-Forwarded-For $remote_addr;",
        "    # Whoever sends one of these from outside wants to be somebody else.",
        *(f'    proxy_set_header {name} "";' for name in removed),
        "    # Room for so many, or nginx warns at each start.",
        "    proxy_headers_hash_max_size 2048;",
        "    proxy_headers_hash_bucket_size 128;",
        "",
    ]


def _to_the_nodes(front: Front, files: Files) -> list[str]:
    lines = [
        "    proxy_http_version 1.1;",
        '    proxy_set_header Connection "";',
        "    proxy_connect_timeout 5s;",
        "    # A call may take an hour; the node has deadlines of its own.",
        "    proxy_read_timeout 3600s;",
        "    # Calls, and whatever else is POST or PATCH, go to another node only if nothing at all was",
        "    # sent to this one, so that none runs twice: never add non_idempotent here.  Other methods",
        "    # may be repeated (RFC 9110, 9.2.2).",
        "    proxy_next_upstream error timeout;",
        "",
    ]
    if not front.upstream.is_sealed:
        return lines
    lines += [
        "    # Sealed anew, and the node's certificate checked: without the first two lines nginx",
        "    # would take any.  The name is the one they all carry, whatever their addresses.",
        "    proxy_ssl_verify on;",
        f"    proxy_ssl_trusted_certificate {files.upstream_ca};",
        "    proxy_ssl_verify_depth 3;",
        f"    proxy_ssl_name {front.upstream.name};",
        "    proxy_ssl_server_name on;",
        "    proxy_ssl_protocols TLSv1.3;",
        "    # Each connection is checked in full; kept open, there are few of them.",
        "    proxy_ssl_session_reuse off;",
    ]
    if files.upstream_certificate is not None:
        lines += [
            "    # Who nginx is to the nodes.",
            f"    proxy_ssl_certificate {files.upstream_certificate};",
            f"    proxy_ssl_certificate_key {files.upstream_key};",
        ]
    return [*lines, ""]


def _host(text: str) -> str:
    return f"[{text}]" if ":" in text else text
