"""`tls-alpn-01`: a certificate with the answer in it, for who offers `acme-tls/1` (RFC 8737)."""

import asyncio
import hashlib
import ssl
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from hermetic.certificates.chain import Chain
from hermetic.certificates.credential import Credential
from hermetic.certificates.keys import KeyKind, generate
from hermetic.certificates.names import PresentedName
from hermetic.errors import BadConfiguration
from hermetic.issuers.acme.order import Proof

PROTOCOL = "acme-tls/1"
_IDENTIFIER = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.31")
_OCTETS_OF_A_DIGEST = b"\x04\x20"
_LIFE = timedelta(hours=1)


class AlpnAnswers:
    """The answers that whoever offers `acme-tls/1` is shown, by a listener that asks for them.

    Args:
        context: Makes a context that presents a credential.
    """

    kind = "tls-alpn-01"

    def __init__(self, context: Callable[[Credential], ssl.SSLContext]) -> None:
        self._context = context
        self._shown: dict[str, tuple[Proof, ssl.SSLContext]] = {}

    async def present(self, proof: Proof) -> None:
        """Show the answer for *proof* from the next handshake on."""
        made = self._context(answer_for(proof))
        made.set_alpn_protocols([PROTOCOL])
        made.sni_callback = self._choose
        self._shown[server_name(proof.name)] = proof, made

    async def sweep(self) -> None:
        """Do nothing: what was shown ended with its process."""

    async def withdraw(self, proof: Proof) -> None:
        """Show it no more."""
        name = server_name(proof.name)
        if name in self._shown and self._shown[name][0] == proof:
            del self._shown[name]

    def served(self) -> ssl.SSLContext | None:
        """Return the context for who offers `acme-tls/1`; `None` if there is nothing to prove."""
        return next((made for _, made in self._shown.values()), None)

    def _choose(self, end: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> int | None:
        found = self._shown.get((name or "").lower())
        if found is None:
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        end.context = found[1]
        return None


class AlpnPort:
    """Shows the answers on a port of its own, as long as there is something to prove.

    The server asks port 443 of each name; *port* is where that leads to here.
    """

    kind = "tls-alpn-01"

    def __init__(
        self,
        context: Callable[[Credential], ssl.SSLContext],
        port: int = 443,
        hosts: Sequence[str] | None = None,
    ) -> None:
        self._answers, self._port = AlpnAnswers(context), port
        self._hosts = list(hosts) if hosts else None
        self._server: asyncio.Server | None = None
        self._alone = asyncio.Lock()

    async def present(self, proof: Proof) -> None:
        """Show the answer for *proof*; raises `BadConfiguration` if the port cannot be had."""
        async with self._alone:
            await self._answers.present(proof)
            base = self._answers.served()
            if self._server is None and base is not None:
                self._server = await self._listen(base)

    async def sweep(self) -> None:
        """Do nothing: what was shown ended with its process."""

    async def withdraw(self, proof: Proof) -> None:
        """Show it no more, and close the port with the last one."""
        async with self._alone:
            await self._answers.withdraw(proof)
            if self._answers.served() is None and self._server is not None:
                self._server.close()
                self._server = None

    async def _listen(self, base: ssl.SSLContext) -> asyncio.Server:
        try:
            return await asyncio.start_server(_close, self._hosts, self._port, ssl=base)
        except OSError as error:
            raise BadConfiguration(
                f"Port {self._port} cannot be listened on ({error.strerror}): free it, let this"
                " user have it (`sysctl -w net.ipv4.ip_unprivileged_port_start=443`), or prove by"
                " another challenge (--challenge)."
            ) from error


def answer_for(proof: Proof) -> Credential:
    """Return the certificate that proves *proof* (RFC 8737, 3), for an hour."""
    key, now = generate(KeyKind.EC_P256), datetime.now(UTC)
    digest = hashlib.sha256(proof.answer.encode()).digest()
    name = x509.Name([])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _LIFE)
        .not_valid_after(now + _LIFE)
        .add_extension(
            x509.SubjectAlternativeName([PresentedName.parse(proof.name).general_name]), True
        )
        .add_extension(
            x509.UnrecognizedExtension(_IDENTIFIER, _OCTETS_OF_A_DIGEST + digest), critical=True
        )
        .sign(key, hashes.SHA256())
    )
    return Credential(Chain((certificate,)), key)


def server_name(name: str) -> str:
    """Return what the server asks for in SNI: the name, or an address reversed (RFC 8738, 6)."""
    try:
        return ip_address(name).reverse_pointer
    except ValueError:
        return name.lower()


async def _close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()
