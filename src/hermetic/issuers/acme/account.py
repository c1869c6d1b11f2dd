"""An account at an ACME server, and what must not be forgotten of it between two runs.

The key is kept before the server hears of it: whatever breaks in between, the account is found
again by its key (RFC 8555, 7.3.1).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from cryptography.hazmat.primitives import serialization

from hermetic.certificates.keys import PrivateKey, accept, encode
from hermetic.errors import BadConfiguration
from hermetic.issuers.acme.budget import ORDERS, Spent

KEY, FACTS = "account.key", "account.json"
"""The files that an account is kept as."""
_MOST_ISSUED = 500  # whoever has more certificates than this would renew the oldest for ever
_MOST_SPENT = 500


class Keeping(Protocol):
    """Whoever keeps accounts, by name, for their owner only; every method blocks."""

    def read(self, name: str) -> Mapping[str, bytes] | None:
        """Return the files of the account *name*; `None` if there is none."""
        ...

    def write(self, name: str, files: Mapping[str, bytes]) -> None:
        """Keep the files of the account *name*, durably, all or none."""
        ...

    def remove(self, name: str) -> None:
        """Forget the account *name*, if it is there."""
        ...


@dataclass(frozen=True)
class Account:
    """An account.

    Args:
        kid: Its address at the server; "" as long as it is not known there.
        not_before: When the server may be asked again, as it said itself.
        under_way: The orders that were begun and not ended, by their names.
        spent: The newest of them that replaced nothing, as it was told.
        issued: The fingerprints (SHA-256) of the newest certificates that it got.
    """

    key: PrivateKey = field(repr=False)
    kid: str = ""
    not_before: datetime | None = None
    under_way: Mapping[str, str] = field(default_factory=dict)
    issued: tuple[str, ...] = ()
    spent: tuple[Spent, ...] = ()
    ordered: tuple[datetime, ...] = ()
    """When it made its newest orders."""

    def files(self) -> dict[str, bytes]:
        """Return it as it is kept."""
        facts = {
            "kid": self.kid,
            "notBefore": self.not_before.isoformat() if self.not_before else None,
            "underWay": dict(self.under_way),
            "issued": list(self.issued[-_MOST_ISSUED:]),
            "spent": [
                [one.name, one.at.isoformat(), one.life.total_seconds()]
                for one in self.spent[-_MOST_SPENT:]
            ],
            "ordered": [one.isoformat() for one in self.ordered[-ORDERS:]],
        }
        return {KEY: encode(self.key), FACTS: json.dumps(facts, indent=1).encode()}

    @classmethod
    def of(cls, files: Mapping[str, bytes]) -> "Account":
        """Return what was kept.

        Raises:
            BadConfiguration: It is no account; the text never shows the key.
        """
        try:
            key = accept(serialization.load_pem_private_key(files[KEY], password=None))
            facts = json.loads(files[FACTS])
            told = facts["notBefore"]
            return cls(
                key,
                str(facts["kid"]),
                datetime.fromisoformat(told) if told else None,
                {str(name): str(url) for name, url in facts["underWay"].items()},
                tuple(map(str, facts["issued"])),
                # what an earlier version kept has neither
                tuple(
                    Spent(str(name), datetime.fromisoformat(at), timedelta(seconds=life))
                    for name, at, life in facts.get("spent", ())
                ),
                tuple(map(datetime.fromisoformat, facts.get("ordered", ()))),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadConfiguration(
                "What is kept of the ACME account cannot be read: move its folder away, and a new"
                " account is made."
            ) from error
