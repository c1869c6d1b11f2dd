"""What an ACME server says, as far as we use it (RFC 8555, 7.1; RFC 9773, 4.2; profiles draft)."""

from collections.abc import Mapping
from datetime import datetime
from typing import TypeVar

import msgspec

from hermetic.errors import Unreachable


class Said(msgspec.Struct, frozen=True, rename="camel"):
    """Base of all: members are in camelCase, those we do not know are ignored."""


S = TypeVar("S", bound=Said)


class Meta(Said, frozen=True):
    """What a server tells of itself."""

    terms_of_service: str = ""
    external_account_required: bool = False
    profiles: Mapping[str, str] = {}


class Directory(Said, frozen=True):
    """Where everything is."""

    new_nonce: str
    new_account: str
    new_order: str
    revoke_cert: str = ""
    key_change: str = ""
    renewal_info: str = ""
    trust: str = ""
    """Ours alone: whom to trust because of the authority."""
    meta: Meta = Meta()


class Identifier(Said, frozen=True):
    """A DNS name (`dns`) or an address (`ip`, RFC 8738) to be certified."""

    type: str
    value: str


class Trouble(Said, frozen=True):
    """A problem document (RFC 7807)."""

    type: str = "about:blank"
    detail: str = ""
    title: str = ""

    @property
    def code(self) -> str:
        """The last word of its type: `badNonce`, `rateLimited`."""
        return self.type.rpartition(":")[2]

    @property
    def text(self) -> str:
        """What a person is told, in one line."""
        told = self.detail or self.title or "no reason was given"
        return f"{' '.join(told.split())[:400]} ({self.code})"


class Challenge(Said, frozen=True):
    """One way to prove that an identifier is ours."""

    type: str
    url: str
    status: str = "pending"
    token: str = ""
    error: Trouble | None = None


class Authorization(Said, frozen=True):
    """Whether we may ask for an identifier, and how to prove it."""

    identifier: Identifier
    status: str
    challenges: tuple[Challenge, ...] = ()
    wildcard: bool = False


class Order(Said, frozen=True):
    """An order of one certificate."""

    status: str
    identifiers: tuple[Identifier, ...]
    authorizations: tuple[str, ...] = ()
    finalize: str = ""
    certificate: str = ""
    error: Trouble | None = None


class SuggestedWindow(Said, frozen=True):
    """When to renew."""

    start: datetime
    end: datetime


class RenewalInfo(Said, frozen=True):
    """What the server suggests for one certificate (RFC 9773)."""

    suggested_window: SuggestedWindow


class TrustInfo(Said, frozen=True):
    """Whom to trust because of an authority of ours, and what the account may have.

    Roots are PEM, revocation lists DER in base64.
    """

    roots: tuple[str, ...]
    revocation_lists: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()


def said(body: bytes, kind: type[S]) -> S:
    """Return *body* as *kind*.

    Raises:
        Unreachable: It is something else: a proxy's page, or half an answer.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Unreachable(
            f"The ACME server answered with what is no {kind.__name__.lower()}: {error}."
        ) from error
