"""The TLS of a compute, and what of it goes together."""

from collections.abc import Sequence
from pathlib import Path

from azureml.core._node import Json
from azureml.exceptions import ComputeTargetException


class SslConfiguration:
    """The TLS of a compute, as it is or as it is to be."""

    def __init__(
        self,
        status: str | None = None,
        cert: str | None = None,
        key: str | None = None,
        cname: str | None = None,
        leaf_domain_label: str | None = None,
        overwrite_existing_domain: bool = False,
        renew: bool = False,
    ) -> None:
        """Say how it is, or is to be.

        Args:
            status: `Disabled`, `Enabled` (a certificate of one's own) or `Auto`.
            cert: The chain of a certificate of one's own, as text in PEM.
            key: Its key, as text in PEM without a passphrase.
            cname: The name it is for.
            leaf_domain_label: What a name that is given begins with.
            overwrite_existing_domain: Let another label replace the one there is.
            renew: Let a certificate that was given be renewed now.
        """
        self.status, self.cert, self.key, self.cname = status, cert, key, cname
        self.leaf_domain_label = leaf_domain_label
        self.overwrite_existing_domain, self.renew = overwrite_existing_domain, renew

    def serialize(self) -> Json:
        """Return it as it is told."""
        return {
            "status": self.status,
            "cert": self.cert,
            "key": self.key,
            "cname": self.cname,
            "leafDomainLabel": self.leaf_domain_label,
            "overwriteExistingDomain": self.overwrite_existing_domain,
            "renew": self.renew,
        }

    @staticmethod
    def deserialize(object_dict: Json | None) -> "SslConfiguration | None":
        """Return what is told."""
        if not object_dict:
            return None
        told = object_dict.get
        return SslConfiguration(
            told("status"),
            told("cert"),
            told("key"),
            told("cname"),
            told("leafDomainLabel"),
            bool(told("overwriteExistingDomain")),
            bool(told("renew")),
        )


def check(own: Sequence[object], label: object, overwrite: object) -> None:
    """Raise `ComputeTargetException` unless a certificate of one's own is whole, and alone.

    Args:
        own: Its name, its chain, its key.
        label: That of a name that is to be given.
        overwrite: Whether that replaces another.
    """
    if any(own) and not all(own):
        raise ComputeTargetException(
            "A certificate of your own takes its cname, its certificate and its key: give all three."
        )
    if all(own) and label:
        raise ComputeTargetException(
            "A leaf domain label is for a certificate that is given to you, not for your own: leave"
            " one of them out."
        )
    if all(own) and overwrite:
        raise ComputeTargetException(
            "An existing domain is overwritten by a leaf domain label, not by a certificate of your"
            " own: leave overwrite_existing_domain out."
        )


def told(
    cname: str | None, files: tuple[str | None, str | None], label: str | None, overwrite: bool
) -> Json | None:
    """Return what is sent to have TLS, or `None` where nothing is asked for.

    Raises:
        ComputeTargetException: One of *files* cannot be read.
        UnicodeDecodeError: One of them is no text, so not PEM.
    """
    cert, key = files
    if cname and cert and key:
        return {"status": "Enabled", "cname": cname, "cert": _text(cert), "key": _text(key)}
    if label:
        return {
            "status": "Auto",
            "leafDomainLabel": label,
            "overwriteExistingDomain": bool(overwrite),
        }
    return None


def _text(path: str) -> str:
    try:
        return Path(path).read_text("utf-8")
    except OSError as error:
        raise ComputeTargetException(f"{path} cannot be read: {error}", error) from error


def asked(ssl: SslConfiguration | None, stored: Json | None) -> Json | None:
    """Return what is sent to change TLS, or `None` where it stays.

    The first that fits counts: disabling, renewing, a certificate of one's own, a label.

    Args:
        ssl: What is asked for.
        stored: What there is.

    Raises:
        ComputeTargetException: There is nothing to renew.
    """
    if ssl is None:
        return None
    if ssl.status == "Disabled":
        return {"status": "Disabled"}
    if ssl.renew:
        if not (stored or {}).get("leafDomainLabel"):
            raise ComputeTargetException(
                "There is nothing to renew: only the certificate of a leaf domain label is renewed"
                " for you."
            )
        return {**(stored or {}), "renew": True}
    if ssl.cname:
        return {"status": "Enabled", "cname": ssl.cname, "cert": ssl.cert, "key": ssl.key}
    return told(None, (None, None), ssl.leaf_domain_label, ssl.overwrite_existing_domain)
