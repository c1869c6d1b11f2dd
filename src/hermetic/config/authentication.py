"""The sections that say who may do what on a web node.

Only local accounts exist.  What the old files say of directories is read, so that such a file is
taken as it is, and refused where it is switched on: nobody may believe that a directory is asked.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from hermetic.config.declaration import Range, named, secret, setting
from hermetic.config.sections import PORT, CertificateChoice, refuse_unnamed
from hermetic.config.tree import Note
from hermetic.errors import BadConfiguration


@dataclass(frozen=True)
class AzureActiveDirectory:
    """Azure Active Directory as the one who vouches for users; not supported yet."""

    enabled: bool = setting(False, "whether it is asked; not supported yet")
    authority: str = setting("", "its address, https://login.windows.net/TENANT")
    audience: str = setting("", "the id of the web application")
    client_id: str = setting("", "the id of the native application")
    key: str = secret("what lets the node read group memberships", sealed_by="key_encrypted")
    key_encrypted: bool = setting(False, "whether Key is sealed for a certificate")


@dataclass(frozen=True)
class Ldap:
    """A directory as the one who vouches for users; not supported yet."""

    enabled: bool = setting(False, "whether it is asked; not supported yet")
    host: str = setting("", "the directory's host")
    port: int = setting(0, "its port; 0 is 389, or 636 with TLS", takes=PORT)
    use_ldaps: bool = setting(False, "whether it is asked over TLS", written="UseLDAPS")
    skip_certificate_validation: bool = setting(False, "as in the files of R Server 9.0")
    bind_filter: str = setting("", "as in the files of R Server 9.0: the name a user binds with")
    query_user_dn: str = setting("", "the distinguished name to ask with")
    query_user_password: str = secret("its password", sealed_by="query_user_password_encrypted")
    query_user_password_encrypted: bool = setting(
        False, "whether QueryUserPassword is sealed for a certificate"
    )
    search_base: str = setting("", "below which entry users are looked for")
    search_filter: str = setting("", "how a user is found, such as cn={0}")
    unique_user_identifier_attribute_name: str = setting("", "the attribute that tells users apart")
    display_name_attribute_name: str = setting("", "the attribute that holds a user's name")
    email_attribute_name: str = setting("", "the attribute that holds a user's mail address")


@dataclass(frozen=True)
class Authentication:
    """How users are known, and how their tokens are signed."""

    admin_password: str = secret(
        "as in the old files; changes nothing",
        unused="the old files hold a hash of a kind that was never described, so the first start"
        " makes a new password",
    )
    jwt_key: str = secret(
        "as in the old files; changes nothing",
        written="JWTKey",
        unused="tokens are signed with a key of our own, or that of JWTSigningCertificate",
    )
    jwt_signing_certificate: CertificateChoice = field(
        default_factory=CertificateChoice, metadata=named("JWTSigningCertificate")
    )
    azure_active_directory: AzureActiveDirectory = field(default_factory=AzureActiveDirectory)
    ldap: Ldap = field(default_factory=Ldap, metadata=named("LDAP"))

    def __post_init__(self) -> None:
        refuse_unnamed(
            self.jwt_signing_certificate,
            "Authentication.JWTSigningCertificate",
            "set Enabled to false for a key of our own",
        )
        asked = {
            "AzureActiveDirectory": self.azure_active_directory.enabled,
            "LDAP": self.ldap.enabled,
        }
        for name, is_asked in asked.items():
            if is_asked:
                raise BadConfiguration(
                    f"Authentication.{name}.Enabled is true, and that is not supported yet: set it"
                    " to false and use local accounts.",
                    key=f"Authentication.{name}.Enabled",
                )


@dataclass(frozen=True)
class Authorization:
    """Which groups of a directory have which role."""

    owner: tuple[str, ...] = setting((), "groups whose members may do everything")
    contributor: tuple[str, ...] = setting((), "groups whose members publish services")
    reader: tuple[str, ...] = setting((), "groups whose members call services")
    cache_life_time_in_minutes: int = setting(
        60, "how long a membership is remembered", takes=Range(0)
    )

    def notes(self) -> Iterator[Note]:
        """Return which groups are not asked for."""
        roles = {"Owner": self.owner, "Contributor": self.contributor, "Reader": self.reader}
        for role, groups in roles.items():
            if groups:
                yield Note(
                    f"Authorization.{role}",
                    f"Authorization.{role} names groups of a directory, and there are only local"
                    " accounts: each has the role it was made with.",
                )
