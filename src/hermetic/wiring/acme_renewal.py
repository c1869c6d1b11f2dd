"""What keeps a credential of ACME servers fit, for one node or for several together."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from hermetic.certstore.files import FileStore
from hermetic.certstore.pending import PendingKey
from hermetic.clock import Clock
from hermetic.config.home import Home
from hermetic.issuers.acme.alpn01 import AlpnAnswers
from hermetic.issuers.acme.conversation import ACCOUNT, NEXT
from hermetic.issuers.acme.proving import Prover
from hermetic.issuers.several import Several
from hermetic.node.proofs import SharedProofs
from hermetic.node.renewal import Renewal
from hermetic.node.sharing import (
    Shared,
    SharedAccount,
    SharedPending,
    SharedRenewal,
    SharedStore,
)
from hermetic.tls.contexts import server_context
from hermetic.wiring.acme import acme_issuer
from hermetic.wiring.proving import prover_of
from hermetic.wiring.wish import Wish


@dataclass(frozen=True)
class AcmeRenewal:
    """What keeps a credential of ACME servers fit.

    Args:
        answers: What the listener is to show to who offers `acme-tls/1`.
        provers: Who proves names here, to each of the servers in their order.
    """

    renewal: Renewal | SharedRenewal
    answers: AlpnAnswers
    provers: tuple[Prover, ...]


def acme_renewal(home: Home, wish: Wish, clock: Clock) -> AcmeRenewal:
    """Return what keeps a credential of the ACME servers of *wish* fit; raises as `acme_issuer`."""
    answers = AlpnAnswers(partial(server_context, profile=wish.profile))
    provers = tuple(prover_of(home, one, (wish.port, answers)) for one in wish.acme)
    if wish.sharing is not None:
        shared = wish.sharing.about(wish.role.value, clock)
        return AcmeRenewal(_shared(home, wish, shared, provers, clock), answers, provers)
    issuer = Several(
        [
            acme_issuer(home, one, clock, prover=prover)
            for one, prover in zip(wish.acme, provers, strict=True)
        ]
    )
    store = FileStore(home.certificates)
    pending = PendingKey(home.acme / "pending", wish.role.value)
    renewal = Renewal(store, wish.role.value, issuer, wish.names, wish.role, clock)
    renewal.pending = pending
    return AcmeRenewal(renewal, answers, provers)


def _shared(
    home: Home, wish: Wish, shared: Shared, plain: Sequence[Prover], clock: Clock
) -> SharedRenewal:
    """Return what does so together with the other web nodes: one of them orders for all."""
    accounts = [SharedAccount(shared, home.acme_account(one.directory).name) for one in wish.acme]
    proofs = SharedProofs(shared, plain, clock)
    issuer = Several(
        [
            # What the DNS says, every node says already.
            acme_issuer(home, one, clock, None, account, here if here.kind == "dns-01" else shown)
            for one, account, here, shown in zip(
                wish.acme, accounts, plain, proofs.provers(), strict=True
            )
        ]
    )
    local = FileStore(home.certificates)
    store = SharedStore(shared, local)
    renewal = Renewal(store, wish.role.value, issuer, wish.names, wish.role, clock)
    renewal.pending = SharedPending(shared)
    documents = tuple(one.what(name) for one in accounts for name in (ACCOUNT, NEXT))
    together = SharedRenewal(shared, renewal, local, documents)
    together.follow = proofs.follow
    return together
