"""One order, from the names to the certificate, decided without doing (RFC 8555, 7.4).

A generator of what is to be done: it yields one `Action`, is sent what came of it, and returns
the chain at its end.  What the server refuses is thrown into it as a `RefusedByIssuer`.
"""

import re
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace

from cryptography import x509

from hermetic.certificates.names import PresentedName
from hermetic.errors import CertificateRejected, RefusedByIssuer, Unreachable
from hermetic.issuers.acme.jose import encoded
from hermetic.issuers.acme.messages import (
    Authorization,
    Challenge,
    Order,
    Trouble,
    said,
)

_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,256}\Z")
_FIRST_WAIT_S, _LONGEST_WAIT_S, _GROWTH = 0.25, 10.0, 1.6
_LONGEST_ASKED_S = 60.0
_POLLS = 200
"""Ten minutes and more; who drives this has a deadline of its own."""


@dataclass(frozen=True)
class Reply:
    """What the server answered to a request that it did not refuse."""

    status: int
    body: bytes
    location: str = ""
    alternates: tuple[str, ...] = ()
    retry_after_s: float = 0.0


def refused(answered: int, trouble: Trouble) -> RefusedByIssuer:
    """Return the error that a problem document is, with the HTTP status it came with."""
    text = f"The ACME server refuses: {trouble.text}."
    return RefusedByIssuer(text, trouble.code, answered)


@dataclass(frozen=True)
class Proof:
    """What has to be found by who validates.

    Args:
        kind: The type of the challenge: `http-01`, `dns-01`, `tls-alpn-01`.
        name: The DNS name or the address, a wildcard without its `*.`.
        token: A word of the server's, safe in a path.
        answer: The key authorization.
    """

    kind: str
    name: str
    token: str
    answer: str


@dataclass(frozen=True)
class Post:
    """Ask *url* with *payload*, or just for what is there if that is None."""

    url: str
    payload: Mapping[str, object] | None


@dataclass(frozen=True)
class Prove:
    """Make all *proofs* findable before going on."""

    proofs: tuple[Proof, ...]


@dataclass(frozen=True)
class Wait:
    """Let *seconds* pass."""

    seconds: float


@dataclass(frozen=True)
class Note:
    """Keep in mind that the order at *url* is under way; none is if it is empty."""

    url: str


@dataclass(frozen=True)
class Tell:
    """Say in the log that something was not done as wished."""

    event: str
    text: str


Action = Post | Prove | Wait | Note | Tell
Steps = Generator[Action, Reply | None, bytes]


@dataclass(frozen=True)
class Wish:
    """What is ordered.

    Args:
        request: The CSR, in DER.
        names: What it names.
        kinds: The challenges that can be met, the preferred first.
        thumbprint: Of the account's key.
        new_order: Where orders are made.
        profile: The profile that is wished for; "" leaves it to the server.
        replaces: The certificate that this one replaces, as RFC 9773 names it.
        root: A word in the name of the root that is preferred, of those offered.
        under_way: The order that a former run had begun.
    """

    request: bytes
    names: tuple[str, ...]
    kinds: tuple[str, ...]
    thumbprint: str
    new_order: str
    profile: str = ""
    replaces: str = ""
    root: str = ""
    under_way: str = ""


def identifiers(names: Sequence[str]) -> list[dict[str, str]]:
    """Return *names* as identifiers of an order: DNS names and addresses (RFC 8738).

    Raises:
        CertificateRejected: One cannot be certified (`bad-name`).
    """
    parsed = [PresentedName.parse(one) for one in names]
    return [
        {"type": "dns" if one.address is None else "ip", "value": one.text}
        for one in dict.fromkeys(parsed)
    ]


def ordered(wish: Wish) -> Steps:
    """Order the certificate; return it and what the server sends along, in PEM.

    Raises:
        CertificateRejected: A name could not be proved, or no challenge fits; `not-proved`,
            `no-challenge`, `order-failed`.
        RefusedByIssuer: The server refuses, for another reason than those that are got round here.
        Unreachable: It answers with what makes no sense.
    """
    url, order = yield from _begun(wish)
    yield Note(url)
    if order.status == "pending":
        yield from _proved(wish, order)
        order = yield from _until(url, {"pending"}, order)
    if order.status == "ready":
        order = yield from _finalized(wish, url, order)
    order = yield from _until(url, {"processing"}, order)
    if order.status != "valid" or not order.certificate:
        yield Note("")
        why = order.error.text if order.error else f"it is {order.status}"
        raise CertificateRejected("order-failed", f"The order came to nothing: {why}.")
    reply = yield from _post(order.certificate)
    # It stays noted: who loses what comes now, with the key kept, fetches it again.
    return (yield from _preferred(wish.root, reply))


def _begun(wish: Wish) -> Generator[Action, Reply | None, tuple[str, Order]]:
    """Go on with the order of a former run, or make one."""
    if wish.under_way:
        try:
            resumed = yield from _resumed(wish)
        except (RefusedByIssuer, Unreachable):
            resumed = None  # it is gone; a new one is made
        if resumed is not None:
            return wish.under_way, resumed
    while True:
        payload: dict[str, object] = {"identifiers": identifiers(wish.names)}
        payload |= {"profile": wish.profile} if wish.profile else {}
        payload |= {"replaces": wish.replaces} if wish.replaces else {}
        try:
            reply = yield from _post(wish.new_order, payload)
        except RefusedByIssuer as error:
            wish = yield from _got_round(wish, error)
            continue
        if not reply.location:
            raise Unreachable("The ACME server made an order and does not say where.")
        return reply.location, _order(reply)


def _resumed(wish: Wish) -> Generator[Action, Reply | None, Order | None]:
    """Return the order of a former run, if it is for our names and can still be for our key."""
    reply = yield from _post(wish.under_way)
    order = _order(reply)
    wanted = {(one["type"], one["value"]) for one in identifiers(wish.names)}
    if {(one.type, one.value.lower()) for one in order.identifiers} != wanted:
        return None
    order = yield from _until(wish.under_way, {"processing"}, order)
    if order.status == "valid":
        return order if (yield from _is_ours(wish, order)) else None
    return order if order.status in {"pending", "ready"} else None


def _is_ours(wish: Wish, order: Order) -> Generator[Action, Reply | None, bool]:
    """Tell whether what was certified for an order of a former run holds the key of our request."""
    if not order.certificate:
        return False
    reply = yield from _post(order.certificate)
    try:
        leaf = x509.load_pem_x509_certificates(reply.body)[0]
        return leaf.public_key() == x509.load_der_x509_csr(wish.request).public_key()
    except ValueError:
        return False


def _got_round(wish: Wish, error: RefusedByIssuer) -> Generator[Action, Reply | None, Wish]:
    """Return the wish without what was refused, or raise the refusal."""
    replaced = error.code == "alreadyReplaced" or error.answered == 409
    # A certificate that the server forgot cannot be replaced; RFC 9773 has it answer so too.
    if wish.replaces and (replaced or error.code in {"malformed", "unauthorized"}):
        yield Tell("certificate.replaces_refused", error.text)
        return replace(wish, replaces="")
    if wish.profile and error.code in {"invalidProfile", "malformed"}:
        yield Tell("certificate.profile_refused", error.text)
        return replace(wish, profile="")
    raise error


def _proved(wish: Wish, order: Order) -> Generator[Action, Reply | None, None]:
    """Prove every identifier that is not proved yet."""
    open_: list[tuple[str, Challenge, Proof]] = []
    for url in order.authorizations:
        found = yield from _authorization(url)
        if found.status == "pending":
            open_.append((url, *_chosen(wish, found)))
        elif found.status != "valid":
            raise _not_proved(found)
    if not open_:
        return
    yield Prove(tuple(proof for _, _, proof in open_))
    for _, challenge, _ in open_:
        yield from _post(challenge.url, {})
    for url, _, _ in open_:
        wait = _FIRST_WAIT_S
        for _ in range(_POLLS):
            reply = yield from _post(url)
            found = said(reply.body, Authorization)
            if found.status == "valid":
                break
            if found.status != "pending":
                raise _not_proved(found)
            yield Wait(_pause_s(reply, wait))
            wait = min(wait * _GROWTH, _LONGEST_WAIT_S)
        else:
            raise Unreachable(f"The ACME server does not come to an end with {url}.")


def _authorization(url: str) -> Generator[Action, Reply | None, Authorization]:
    reply = yield from _post(url)
    return said(reply.body, Authorization)


def _chosen(wish: Wish, found: Authorization) -> tuple[Challenge, Proof]:
    """Return the challenge of those offered that we meet best."""
    name = found.identifier.value
    if name.lower() not in {one["value"].removeprefix("*.") for one in identifiers(wish.names)}:
        raise Unreachable("The ACME server asks for a proof of a name that was not ordered.")
    offered = {one.type: one for one in found.challenges}
    for kind in wish.kinds:
        if kind not in offered:
            continue
        challenge = offered[kind]
        if not _TOKEN.match(challenge.token):
            raise Unreachable("The ACME server sent a token that is none (RFC 8555, 8).")
        return challenge, Proof(kind, name, challenge.token, f"{challenge.token}.{wish.thumbprint}")
    raise CertificateRejected(
        "no-challenge",
        f"{name} can be proved by {', '.join(sorted(offered)) or 'nothing'} there, and we are set"
        f" up for {', '.join(wish.kinds) or 'nothing'}: set up another challenge.",
    )


def _not_proved(found: Authorization) -> CertificateRejected:
    errors = [one for one in found.challenges if one.error is not None]
    why = f"the authorization is {found.status}"
    if errors and errors[0].error is not None:
        why = f"{errors[0].type}: {errors[0].error.text}"
    return CertificateRejected(
        "not-proved", f"That {found.identifier.value} is ours could not be proved: {why}."
    )


def _finalized(wish: Wish, url: str, order: Order) -> Generator[Action, Reply | None, Order]:
    """Hand the request in; a server that lags behind itself is given time."""
    wait = _FIRST_WAIT_S
    for _ in range(_POLLS):
        try:
            reply = yield from _post(order.finalize, {"csr": encoded(wish.request)})
        except RefusedByIssuer as error:
            if error.code != "orderNotReady":
                raise
            reply = yield from _post(url)
            if _order(reply).status in {"pending", "ready"}:
                yield Wait(wait)
                wait = min(wait * _GROWTH, _LONGEST_WAIT_S)
                continue
        return _order(reply)
    raise Unreachable(f"The order {url} does not become ready.")


def _until(url: str, going_on: set[str], order: Order) -> Generator[Action, Reply | None, Order]:
    """Ask for the order until it is in no state of *going_on*."""
    wait, pause = _FIRST_WAIT_S, 0.0
    for _ in range(_POLLS):
        if order.status not in going_on:
            return order
        if pause:
            yield Wait(pause)
        reply = yield from _post(url)
        order, pause = _order(reply), _pause_s(reply, wait)
        wait = min(wait * _GROWTH, _LONGEST_WAIT_S)
    raise Unreachable(f"The order {url} does not come to an end.")


def _pause_s(reply: Reply, otherwise: float) -> float:
    """Return how long to wait before the next question: as asked, within reason."""
    return min(reply.retry_after_s or otherwise, _LONGEST_ASKED_S)


def _preferred(root: str, reply: Reply) -> Generator[Action, Reply | None, bytes]:
    """Return the chain that leads to the root that is preferred, or the server's first."""
    if not root:
        return reply.body
    if _leads_to(root, reply.body):
        return reply.body
    for url in reply.alternates[:10]:
        other = yield from _post(url)
        if _leads_to(root, other.body):
            return other.body
    yield Tell("certificate.root_not_offered", f"No chain leads to a root called {root!r}.")
    return reply.body


def _leads_to(root: str, body: bytes) -> bool:
    try:
        last = x509.load_pem_x509_certificates(body)[-1]
    except ValueError as error:
        raise Unreachable("The ACME server sent a chain that is none.") from error
    return root.lower() in last.issuer.rfc4514_string().lower()


def _post(
    url: str, payload: Mapping[str, object] | None = None
) -> Generator[Action, Reply | None, Reply]:
    reply = yield Post(url, payload)
    assert reply is not None  # noqa: S101 - who drives this answers every request
    return reply


def _order(reply: Reply) -> Order:
    return said(reply.body, Order)
