"""A credential: a chain and the private key that fits its leaf."""

from dataclasses import dataclass, field

from hermetic.certificates.chain import Chain
from hermetic.certificates.keys import PrivateKey, encode


@dataclass(frozen=True)
class Credential:
    """A chain and the key that fits its leaf; its `repr` shows no key."""

    chain: Chain
    key: PrivateKey = field(repr=False)

    @property
    def key_pem(self) -> bytes:
        """The key as unencrypted PKCS#8 in PEM."""
        return encode(self.key)

    @property
    def chain_pem(self) -> bytes:
        """The chain in PEM, leaf first."""
        return self.chain.pem
