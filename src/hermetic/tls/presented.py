"""What handshakes get from some moment on; replaced as a whole, never changed."""

import ssl
from dataclasses import dataclass, field

from hermetic.certificates.credential import Credential
from hermetic.certificates.keys import encode_public


@dataclass(frozen=True)
class Presented:
    """A credential, the context that presents it, and the names it is for, to be looked up."""

    credential: Credential
    context: ssl.SSLContext = field(repr=False)
    exact: frozenset[str]
    parents: frozenset[str]
    """What follows the `*.` of wildcards."""

    @classmethod
    def of(cls, credential: Credential, context: ssl.SSLContext) -> "Presented":
        """Return *credential* as *context* presents it."""
        names = credential.chain.names
        wildcards = {name for name in names if name.startswith("*.")}
        return cls(
            credential,
            context,
            frozenset(names) - wildcards,
            frozenset(name[2:] for name in wildcards),
        )

    def covers(self, name: str) -> bool:
        """Whether the certificate is for *name*; sets, since this is asked in every handshake."""
        name = name.lower()
        return name in self.exact or name.partition(".")[2] in self.parents

    def is_of(self, credential: Credential) -> bool:
        """Whether *credential* is the one that is presented."""
        if credential is self.credential:
            return True
        return self.credential.chain == credential.chain and encode_public(
            self.credential.key.public_key()
        ) == encode_public(credential.key.public_key())
