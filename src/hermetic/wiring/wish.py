"""What a listener is to present, as the settings say it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hermetic.certificates.roles import Role
from hermetic.certificates.selection import Choice
from hermetic.config.acme import Acme
from hermetic.config.compute import ComputeSettings
from hermetic.config.sections import CertificateChoice, Certificates, Tls
from hermetic.config.web import WebSettings
from hermetic.tls.contexts import TlsProfile
from hermetic.tls.trust import LiveTrust
from hermetic.wiring.sharing import Sharing


@dataclass(frozen=True)
class Wish:
    """What a listener is to present, as the settings say it.

    Of a store if *choice* names a certificate, of a *folder* if one is named, of the first of the
    ACME servers *acme* that issues (for *names* alone), else of our own authority, for
    *own_names*.  Whatever comes from outside must cover *names*.  With *trust* clients must show a
    certificate too.
    """

    role: Role
    profile: TlsProfile = TlsProfile.INTERMEDIATE
    names: tuple[str, ...] = ()
    own_names: tuple[str, ...] = ()
    folder: Path | None = None
    acme: tuple[Acme, ...] = ()
    choice: Choice | None = None
    trust: LiveTrust | None = None
    port: int = 0
    """Where it listens, as far as the settings say it; 0 is any."""
    front_ends: Path | None = None
    """A folder of folders, with certificates for further host names."""
    sharing: Sharing | None = None
    """With whom the certificate is had together; alone without it."""

    @classmethod
    def of(
        cls,
        role: Role,
        own_names: Sequence[str],
        tls: Tls,
        certificates: Certificates,
        choice: CertificateChoice | None = None,
        *,
        trust: LiveTrust | None = None,
    ) -> "Wish":
        """Return what these sections of the settings wish for."""
        return cls(
            role,
            TlsProfile(tls.profile),
            certificates.names,
            tuple(own_names),
            Path(certificates.folder) if certificates.folder else None,
            certificates.acme_servers,
            choice_of(choice) if choice is not None and choice.is_chosen else None,
            trust,
            front_ends=Path(certificates.front_ends) if certificates.front_ends else None,
        )


def wish_of(
    role: Role,
    own_names: Sequence[str],
    settings: WebSettings | ComputeSettings,
    trust: LiveTrust | None = None,
) -> Wish | None:
    """Return what *settings* wish for a node of that role; `None` where plain HTTP was chosen."""
    kestrel = settings.kestrel
    if not kestrel.https_enabled:
        return None
    certificate = kestrel.https_certificate
    wish = Wish.of(role, own_names, settings.tls, settings.certificates, certificate, trust=trust)
    return replace(wish, port=kestrel.port)


def choice_of(section: CertificateChoice) -> Choice:
    """Return which certificate a section of the settings means.

    Raises:
        BadInput: Subject or thumbprint is none.
    """
    return Choice.parse(
        location=section.store_location,
        store=section.store_name,
        subject=section.subject_name,
        thumbprint=section.thumbprint,
    )
