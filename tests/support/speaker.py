"""Somebody who speaks ACME word by word to a node, rightly or as no client would."""

import base64
import json
from dataclasses import dataclass, field
from typing import Any

import httpx2
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from hermetic.certificates.keys import KeyKind, PrivateKey, generate
from hermetic.certificates.signing import request
from hermetic.issuers.acme import jose
from hermetic.issuers.acme.jose import ExternalAccount
from tests.support.webnode import WebNode

JOSE = {"content-type": "application/jose+json"}


@dataclass
class Speaker:
    """An account, or somebody who would like to have one."""

    http: httpx2.AsyncClient
    key: PrivateKey = field(default_factory=generate)
    kid: str = ""

    @property
    def base(self) -> str:
        return str(self.http.base_url).rstrip("/")

    def url(self, path: str) -> str:
        return path if path.startswith("http") else f"{self.base}/acme/{path}"

    async def nonce(self) -> str:
        answer = await self.http.head("/acme/new-nonce")
        assert answer.status_code == 200
        return str(answer.headers["replay-nonce"])

    async def post(
        self, path: str, payload: object = None, *, nonce: str = "", kid: str | None = None
    ) -> httpx2.Response:
        """Ask, signed as it should be."""
        url = self.url(path)
        body = b"" if payload is None else json.dumps(payload).encode()
        kid = self.kid if kid is None else kid
        nonce = nonce or await self.nonce()
        return await self.send(url, jose.signed(body, self.key, url=url, nonce=nonce, kid=kid))

    async def send(self, url: str, content: bytes) -> httpx2.Response:
        return await self.http.post(url, content=content, headers=JOSE)

    async def join(self, token: dict[str, Any], **further: object) -> httpx2.Response:
        """Make an account of what `/enrolments` gave."""
        url = self.url("new-account")
        external = ExternalAccount(token["id"], token["macKey"])
        binding = external.bound(url, jose.jwk(self.key))
        answer = await self.post(
            "new-account", {"externalAccountBinding": binding, **further}, kid=""
        )
        if answer.status_code in {200, 201}:
            self.kid = answer.headers["location"]
        return answer

    async def order(self, *names: str, **further: object) -> httpx2.Response:
        identifiers = jose_identifiers(names)
        return await self.post("new-order", {"identifiers": identifiers, **further})

    async def certified(self, *names: str, **further: object) -> x509.Certificate:
        """Go through an order; return the leaf."""
        order = (await self.order(*names, **further)).json()
        done = await self.post(order["finalize"], {"csr": csr(names)})
        assert done.json()["status"] == "valid", done.text
        answer = await self.post(done.json()["certificate"])
        return x509.load_pem_x509_certificates(answer.content)[0]


def jose_identifiers(names: tuple[str, ...]) -> list[dict[str, str]]:
    return [{"type": "ip" if one[0].isdigit() else "dns", "value": one} for one in names]


def csr(names: tuple[str, ...], key: PrivateKey | None = None) -> str:
    made = request(key or generate(KeyKind.EC_P256), names=names)
    return jose.encoded(made.public_bytes(Encoding.DER))


def code(answer: httpx2.Response) -> str:
    """Return what a request was refused with."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return str(answer.json()["type"]).rpartition(":")[2]


def b64(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


async def token(web: WebNode, *names: str, roles: tuple[str, ...] = ("api",)) -> dict[str, Any]:
    """Return a token for *names*, that the administrator gives."""
    body = {"names": names or ("a.test",), "roles": roles}
    answer = await web.client.post("/enrolments", json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def joined(web: WebNode, *names: str, roles: tuple[str, ...] = ("api",)) -> Speaker:
    """Return somebody with an account that may have certificates for *names*."""
    speaker = Speaker(web.anybody())
    answer = await speaker.join(await token(web, *names, roles=roles))
    assert answer.status_code == 201, answer.text
    return speaker
