"""Whether a credential is fit to be presented here, now.

Pure.  Who vouches for it is not asked: a certificate from outside may have a root that only the
clients know.  Asked is what every client asks first, so that a mistake is refused with its
reason by us, and not with an alert by all of them.
"""

from collections.abc import Sequence
from datetime import datetime

from hermetic.certificates import profile, roles
from hermetic.certificates.credential import Credential, fits
from hermetic.certificates.keys import kind_of
from hermetic.certificates.names import PresentedName, ServerName, presented_names
from hermetic.certificates.roles import Role
from hermetic.errors import CertificateRejected


def check(credential: Credential, *, names: Sequence[ServerName], role: Role, at: datetime) -> None:
    """Refuse a credential that clients would refuse, or that we would not serve with.

    Args:
        credential: What is to be presented.
        names: What the certificate must cover; none asks for none.
        role: What it must be for.
        at: The moment at which it, and whoever issued it, must be valid.

    Raises:
        CertificateRejected: `key-mismatch`, `weak-key`, `unsupported-key`, `expired`,
            `not-yet-valid`, `wrong-name`, and those of `roles.check`.
    """
    leaf = credential.chain.leaf
    kind_of(credential.key)
    if not fits(credential.key, leaf):
        raise CertificateRejected(
            "key-mismatch",
            f"The key does not fit the certificate of {credential.chain.subject!r}: install the"
            " key that its request was made with, or ask for a certificate with this key.",
        )
    # Further up, clients may know another way around an authority that has expired.
    for certificate in (leaf, *credential.chain.issuers[:1]):
        profile.check_time(certificate, at)
    roles.check(credential.chain, role)
    for name in names:
        profile.check_name(leaf, name)


def check_successor(successor: Credential, served: Credential) -> None:
    """Refuse a credential none of whose names is one that is *served* now.

    Nobody may have said which names are asked for; but where certificates change by themselves,
    one for other names altogether is another server's, and would close this one to everybody.

    Raises:
        CertificateRejected: `wrong-name`.
    """
    after = presented_names(successor.chain.leaf)
    before = presented_names(served.chain.leaf)
    if not any(_overlap(one, other) for one in after for other in before):
        shown = ", ".join(name.text for name in after[:3]) or "nothing"
        raise CertificateRejected(
            "wrong-name",
            f"The certificate names {shown}, and nothing of what is served now"
            f" ({', '.join(name.text for name in before[:3])}): put the right one there, or"
            " restart the node to serve other names.",
        )


def _overlap(one: PresentedName, other: PresentedName) -> bool:
    if one.address is not None or other.address is not None:
        return one.address == other.address
    if one.is_wildcard == other.is_wildcard:
        return one.text == other.text
    wildcard, plain = (one, other) if one.is_wildcard else (other, one)
    return wildcard.matches(ServerName(plain.text))
