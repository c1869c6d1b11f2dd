"""How a node joins an authority: by a token, once, and from then on for ever by itself."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from cryptography.hazmat.primitives.serialization import Encoding

from hermetic.certificates.chain import Chain
from hermetic.certificates.credential import Credential
from hermetic.certificates.keys import generate
from hermetic.certificates.roles import Role, check
from hermetic.certificates.signing import request
from hermetic.certstore.files import FileStore
from hermetic.client.roots import pinned_root
from hermetic.clock import Clock
from hermetic.config.editing import Setting
from hermetic.config.home import Home, write_file
from hermetic.errors import BadInput, CertificateRejected, TrustFailure
from hermetic.issuers.acme.jose import ExternalAccount
from hermetic.issuers.acme.messages import TrustInfo
from hermetic.wiring.joined import Joined, keep, told_roots
from hermetic.wiring.joined_issuer import TRUST, joined_issuer, share_account

_TOKEN = re.compile(r"([A-Za-z0-9]{8,64})\.([A-Za-z0-9_-]{43})\.([0-9a-f]{64})\Z")
AUTHENTICATION = Role.AUTHENTICATION.value


@dataclass(frozen=True)
class JoinToken:
    """What `hermetic node token` gives: a secret that serves once, and by what to know who gave it."""

    external: ExternalAccount = field(repr=False)
    root: str
    """The SHA-256 of the root."""

    @classmethod
    def parse(cls, text: str) -> "JoinToken":
        """Return the token; raises `BadInput`, which does not repeat it."""
        match = _TOKEN.match(text.strip())
        if match is None:
            raise BadInput(
                "The token is none, or not all of it: copy the line that `hermetic node token`"
                " printed, three words with dots between them."
            )
        return cls(ExternalAccount(match[1], match[2]), match[3])


def join(home: Home, url: str, token: JoinToken, clock: Clock) -> tuple[Joined, list[Credential]]:
    """Join the authority of the web node at *url*; return what was joined, and what was certified.

    Nothing in the settings is changed: `settings_of` says what to write there.  It may be
    repeated with the same token where it was cut short.

    Raises:
        Unreachable: The web node does not answer.
        TrustFailure: It is not the one that gave the token.
        RefusedByIssuer: The token was used, has run out or was taken back.
    """
    url = url.rstrip("/")
    root = pinned_root(url, token.root)
    write_file(home.joined_roots, root.public_bytes(Encoding.PEM))
    joined = Joined(f"{url}/acme/directory", (), (), (token.root,))
    joined, info = asyncio.run(_entered(home, joined, token.external, clock))
    if token.root not in {Chain((one,)).sha256 for one in told_roots(info)}:
        raise TrustFailure(
            f"{url} does not say that its authority is the one of the token: ask there."
        )
    joined = replace(joined, roles=info.profiles, names=info.names)
    share_account(home, joined, (TRUST, *joined.roles))
    made = asyncio.run(_certified(home, joined, clock))
    store = FileStore(home.certificates)
    for role, credential in made.items():
        store.write(role, credential)
    return keep(home, joined, info), list(made.values())


def settings_of(home: Home, joined: Joined) -> Mapping[str, Setting]:
    """Return what the settings of the node have to say from now on."""
    serving = [role for role in joined.roles if role != AUTHENTICATION]
    if not serving:
        return {}
    changes: dict[str, Setting] = {
        "Certificates.Names": list(joined.names),
        "Certificates.Acme.Directory": joined.directory,
        "Certificates.Acme.Profile": serving[0],
    }
    if joined.pinned:
        changes["Certificates.Acme.Ca"] = str(home.joined_roots.absolute())
    if serving[0] == Role.COMPUTE.value:
        changes["ClientCertificate.Enrolled"] = True
    return changes


async def _entered(
    home: Home, joined: Joined, external: ExternalAccount, clock: Clock
) -> tuple[Joined, TrustInfo]:
    """Make the account; where the web node shows a public certificate, believe it by the system's."""
    try:
        issuer = joined_issuer(home, joined, clock, external=external)
        return joined, await issuer.trusted(())
    except TrustFailure:
        joined = replace(joined, pinned=False)
        issuer = joined_issuer(home, joined, clock, external=external)
        return joined, await issuer.trusted(())


async def _certified(home: Home, joined: Joined, clock: Clock) -> dict[str, Credential]:
    made = {}
    for role in joined.roles:
        use = role if role == AUTHENTICATION else ""
        issuer = joined_issuer(home, joined, clock, profile=role, use=use)
        key = generate()
        chain = await issuer.issue(request(key, names=joined.names), Role(role))
        check(chain, Role(role))
        made[role] = Credential(chain, key)
    if not made:
        raise CertificateRejected("no-role", "The token is for no role: ask for another.")
    return made
