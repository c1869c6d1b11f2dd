"""Whether a compute node turns away who shows no certificate, or one of nobody it believes."""

import asyncio
import ssl
from contextlib import suppress
from datetime import datetime, timedelta

from hermetic.certificates.credential import Credential
from hermetic.certificates.keys import KeyKind, generate
from hermetic.certificates.signing import self_signed
from hermetic.diagnostics.check import Finding
from hermetic.diagnostics.hop import WITHIN_S
from hermetic.tls.contexts import client_context

_QUESTION = b"GET /status HTTP/1.1\r\nhost: %b\r\nconnection: close\r\n\r\n"


async def look(where: str, host: str, port: int, now: datetime) -> Finding | None:
    """Return whether strangers get anywhere on a sealed node; `None` if it does not answer."""
    key = generate(KeyKind.EC_P256)
    foreign = self_signed(key, name="A stranger", now=now, life=timedelta(minutes=5))
    without, with_foreign = await asyncio.gather(
        _is_answered(host, port, None), _is_answered(host, port, foreign)
    )
    if without is None or with_foreign is None:
        return None
    if without:
        text = "It answers callers that show no certificate: keep it where only web nodes reach it."
        remedy = "set ClientCertificate.Issuer and .Subject in the settings of the compute node"
        return Finding("strangers.let-in", where, text, remedy)
    if with_foreign:
        text = "It answers a caller whose certificate comes from no authority."
        remedy = "connect the compute node itself, and not a proxy that drops certificates"
        return Finding("strangers.foreign", where, text, remedy)
    return Finding(
        "strangers.refused", where, "Neither no certificate nor a foreign one is let in."
    )


async def _is_answered(host: str, port: int, credential: Credential | None) -> bool | None:
    """Whether a question is answered with success; `None` if nothing came of it in time.

    Whatever else is answered is a refusal: by us with 401 or 403, by nginx with 400.
    """
    context = client_context(b"", credential=credential)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        async with asyncio.timeout(WITHIN_S):
            reader, writer = await asyncio.open_connection(
                host, port, ssl=context, server_hostname=host
            )
            try:
                writer.write(_QUESTION % host.encode("idna"))
                line = await reader.readline()
            finally:
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()
    except TimeoutError:
        return None
    except OSError:
        # An alert, or an end without a word: both are a refusal of TLS.
        return False
    except ValueError:
        return None  # a line without an end: that is no HTTP, and tells nothing
    status = line.split(b" ")[1:2]
    return bool(status) and status[0].startswith(b"2")
