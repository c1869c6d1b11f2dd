"""An `Issuer` that is an ACME server: Let's Encrypt, a company's authority, our own.

Drives an order (`order`) over a transport, with whoever can prove names; what must survive the
process lies with whoever keeps the account.  It never sees the private key of a certificate.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from hermetic.certificates.chain import Chain
from hermetic.certificates.keys import KeyKind
from hermetic.certificates.roles import Role
from hermetic.certificates.signing import requested_names
from hermetic.errors import (
    CertificateRejected,
    HermeticError,
    NotFound,
    RefusedByIssuer,
    TooManyAttempts,
)
from hermetic.issuers.acme import jose
from hermetic.issuers.acme.account import Keeping
from hermetic.issuers.acme.answered import certificate_id, chain_of, has_id, suggestion_of
from hermetic.issuers.acme.budget import Spent, refuse_over_budget
from hermetic.issuers.acme.conversation import (
    ACCOUNT,
    Chance,
    Conversation,
    Server,
    conversing,
    stored,
    transport_of,
)
from hermetic.issuers.acme.messages import TrustInfo, said
from hermetic.issuers.acme.order import (
    Action,
    Note,
    Post,
    Proof,
    Prove,
    Reply,
    Steps,
    Tell,
    Wait,
    Wish,
    ordered,
)
from hermetic.issuers.acme.proving import Prover
from hermetic.issuers.issuer import Suggestion
from hermetic.log import logger

_WITHDRAWN_WITHIN_S = 60.0
_SHOWN_AT_ONCE = 16  # bind9 refuses updates beyond a hundred at a time

log = logger(__name__)


class AcmeIssuer:
    """The `Issuer` that is an ACME server.

    Args:
        provers: Who can prove names, the preferred first.
    """

    def __init__(
        self,
        server: Server,
        kept: Keeping,
        provers: Sequence[Prover],
        chance: Chance,
    ) -> None:
        self._server, self._kept, self._chance = server, kept, chance
        self._provers = {one.kind: one for one in provers}
        self._alone = asyncio.Lock()
        self._swept = False
        self._doing = ""

    async def issue(
        self,
        request: x509.CertificateSigningRequest,
        role: Role,
        *,
        replacing: Chain | None = None,
    ) -> Chain:
        """Return what the server issues; raises as `Issuer.issue`, and `RefusedByIssuer`.

        An order that a former run had begun is gone on with.  Public servers certify for
        `Role.API` and `Role.COMPUTE` alone; what they made is for the caller to judge.
        """
        names = requested_names(request)
        async with self._speaking() as speaking:
            await self._sweep()
            directory = await speaking.transport.directory()
            known = speaking.account.under_way.get(_order_name(names, self._server.profile), "")
            replaces = certificate_id(replacing.leaf) if replacing is not None else ""
            wish = Wish(
                request.public_bytes(Encoding.DER),
                names,
                tuple(self._provers),
                jose.thumbprint(speaking.account.key),
                directory.new_order,
                profile=self._server.profile,
                replaces=replaces if directory.renewal_info else "",
                root=self._server.root,
                under_way=known,
            )
            pem = await self._driven(speaking, ordered(wish), names)
            chain = chain_of(pem, request)
            if set(chain.names) != set(names):
                raise CertificateRejected(
                    "not-as-asked",
                    f"The ACME server certified {', '.join(chain.names)[:300]}, which is not what"
                    " was asked.",
                )
            await self._note(speaking, chain, wish)
        log.info(
            "certificate.issued",
            names=chain.names,
            role=role.value,
            serial=f"{chain.serial:x}",
            not_after=chain.not_after.isoformat(),
            directory=self._server.directory,
        )
        return chain

    @property
    def doing(self) -> str:
        """What it does or waits for now, in words; "" for nothing."""
        return self._doing

    async def _note(self, speaking: Conversation, chain: Chain, wish: Wish) -> None:
        account = speaking.account
        spent = account.spent
        if not wish.replaces:
            name = _order_name(wish.names, self._server.profile)
            now, life = self._chance.clock(), chain.not_after - chain.not_before
            spent = (*spent, Spent(name, now, life))
        issued = (*account.issued, chain.sha256)
        await speaking.keep(replace(account, issued=issued, spent=spent))

    def issued(self, chain: Chain) -> bool:
        """Tell whether *chain* is one that this account got."""
        account = stored(self._kept)
        return account is not None and chain.sha256 in account.issued

    async def suggested(self, chain: Chain) -> Suggestion | None:
        """Return when the server suggests to renew *chain* (RFC 9773), if it does."""
        now = self._chance.clock()
        if now > chain.not_after or not has_id(chain.leaf):
            return None
        account = await asyncio.to_thread(stored, self._kept)
        not_before = account.not_before if account else None
        async with transport_of(self._server, self._chance, not_before) as transport:
            try:
                directory = await transport.directory()
                if not directory.renewal_info:
                    return None
                at = f"{directory.renewal_info.rstrip('/')}/{certificate_id(chain.leaf)}"
                reply = await transport.get(at)
            except TooManyAttempts:
                if account is not None:
                    patient = replace(account, not_before=transport.not_before)
                    await asyncio.to_thread(self._kept.write, ACCOUNT, patient.files())
                raise
        return suggestion_of(reply.body, timedelta(seconds=reply.retry_after_s), now)

    async def revoke(self, chain: Chain, reason: int = 0) -> None:
        """Have *chain* revoked, for one of the reasons of RFC 5280 (5.3.1).

        Raises:
            RefusedByIssuer: The server does not do so; that it was revoked already is no error.
        """
        payload = {"certificate": jose.encoded(chain.leaf.public_bytes(Encoding.DER))}
        async with self._speaking() as speaking:
            directory = await speaking.transport.directory()
            try:
                await speaking.post(directory.revoke_cert, {**payload, "reason": reason})
            except RefusedByIssuer as error:
                if error.code != "alreadyRevoked":
                    raise
        log.info("certificate.revoked", serial=f"{chain.serial:x}", reason=reason)

    async def trusted(self, holds: Sequence[str]) -> TrustInfo:
        """Say which roots are trusted here, by their SHA-256, and return which should be.

        Raises:
            NotFound: The server is none of ours.
        """
        async with self._speaking() as speaking:
            at = (await speaking.transport.directory()).trust
            if not at:
                raise NotFound(f"{self._server.directory} is no authority of Hermetic's.")
            reply = await speaking.post(at, {"holds": list(holds)})
        return said(reply.body, TrustInfo)

    def believe(self, roots: str) -> None:
        """Believe the server by these *roots*, in PEM, beside those that it was believed by."""
        self._server.context.load_verify_locations(cadata=roots)

    async def change_key(self, kind: KeyKind = KeyKind.EC_P256) -> None:
        """Give the account another key (RFC 8555, 7.3.5); a change cut short is completed later."""
        async with self._speaking() as speaking:
            await speaking.change_key(kind)
        log.info("acme.key_changed", directory=self._server.directory)

    @asynccontextmanager
    async def _speaking(self) -> AsyncIterator[Conversation]:
        """Speak as the account, one at a time."""
        async with self._alone, conversing(self._server, self._kept, self._chance) as speaking:
            yield speaking

    # The order

    async def _driven(self, speaking: Conversation, steps: Steps, names: Sequence[str]) -> bytes:
        """Do what the order says, and take away what was proved with, however it ends."""
        shown: list[Proof] = []
        try:
            action = next(steps)
            while True:
                try:
                    reply = await self._done(speaking, action, names, shown)
                except HermeticError as error:
                    action = steps.throw(error)
                else:
                    action = steps.send(reply)
        except StopIteration as end:
            pem: bytes = end.value
            return pem
        finally:
            self._doing = ""
            await asyncio.shield(self._withdraw(shown))

    async def _done(
        self, speaking: Conversation, action: Action, names: Sequence[str], shown: list[Proof]
    ) -> Reply | None:
        match action:
            case Post(url, payload):
                self._doing = f"asks {url}"
                await self._spend(speaking, url, payload, names)
                return await speaking.post(url, payload)
            case Prove(proofs):
                named = ", ".join(one.name for one in proofs)
                kinds = " and ".join(dict.fromkeys(one.kind for one in proofs))
                self._doing = f"proves by {kinds} that {named[:200]} is ours"
                shown += proofs
                await self._present(proofs)
            case Wait(seconds):
                self._doing += f", again in {seconds:.0f} s" if ", again" not in self._doing else ""
                await self._chance.pause(seconds)
            case Note(url):
                under_way = {
                    **speaking.account.under_way,
                    _order_name(names, self._server.profile): url,
                }
                still = {name: at for name, at in under_way.items() if at}
                await speaking.keep(replace(speaking.account, under_way=still))
            case Tell(event, text):
                log.warning(event, text=text, names=list(names))
        return None

    async def _present(self, proofs: Sequence[Proof]) -> None:
        """Show several at the same time, for each may have to be waited for; not too many."""
        turns = asyncio.Semaphore(_SHOWN_AT_ONCE)

        async def present(one: Proof) -> None:
            async with turns:
                await self._provers[one.kind].present(one)

        ended = await asyncio.gather(*map(present, proofs), return_exceptions=True)
        for one in ended:
            if isinstance(one, BaseException):
                raise one

    async def _spend(
        self,
        speaking: Conversation,
        url: str,
        payload: Mapping[str, object] | None,
        names: Sequence[str],
    ) -> None:
        """Refuse an order that would be one too many, and note every other one."""
        if payload is None or url != (await speaking.transport.directory()).new_order:
            return
        account, now = speaking.account, self._chance.clock()
        if self._server.limited and "replaces" not in payload:
            name = _order_name(names, self._server.profile)
            refuse_over_budget(name, account.spent, account.ordered, now)
        await speaking.keep(replace(account, ordered=(*account.ordered, now)))

    async def _sweep(self) -> None:
        """Take away what a process that was killed, or a failure, had left behind."""
        if self._swept:
            return
        try:
            for one in self._provers.values():
                await one.sweep()
        except HermeticError as error:
            log.warning("acme.not_swept", text=error.text)
            return
        self._swept = True

    async def _withdraw(self, shown: Sequence[Proof]) -> None:
        for one in shown:
            try:
                async with asyncio.timeout(_WITHDRAWN_WITHIN_S):
                    await self._provers[one.kind].withdraw(one)
            except (HermeticError, TimeoutError) as error:
                self._swept = False  # the next order tries again
                log.warning("acme.not_withdrawn", name=one.name, kind=one.kind, text=str(error))


def _order_name(names: Sequence[str], profile: str) -> str:
    named = ",".join(sorted(names))
    return f"{named} {profile}" if profile else named
