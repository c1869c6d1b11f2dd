"""What is said on HTTP of our own authority, and of who joins it."""

import msgspec

from hermetic.wire.messages import Message


class TokenRequest(Message):
    """Names that may be certified, and for which roles; the usual one first."""

    names: list[str]
    roles: list[str] = msgspec.field(default_factory=lambda: ["compute"])
    minutes: int = 60


class TokenResponse(Message):
    """A token, shown once; `mac_key` is base64url, `root` the SHA-256 of the root to know us by."""

    token: str
    id: str
    mac_key: str
    root: str
    redeem_until: str


class EnrolmentListing(Message):
    """A token, or the account that was made of it; `state` is `waiting`, `joined`, `late` or `ended`."""

    id: str
    state: str
    roles: list[str]
    names: list[str]
    created_by: str
    created_at: str
    redeem_until: str
    joined_at: str | None
    seen_at: str | None
    holds: list[str]


class AuthorityResponse(Message):
    """How our authority stands: `steady`, `prepared` or `replaced`; roots by their SHA-256.

    `prepared` waits until those that `waiting_for` names trust the next root.
    """

    state: str
    root: str
    root_ends: str
    root_key_here: bool
    intermediate_ends: str
    next_root: str | None
    previous_root: str | None
    waiting_for: list[str]


class RetireRequest(Message):
    """Whether the former root goes although it may still be needed."""

    force: bool = False


class ExpelResponse(Message):
    """How many certificates were revoked."""

    revoked: int
