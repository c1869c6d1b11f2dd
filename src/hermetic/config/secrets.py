"""Opens the secrets that a settings file holds sealed.

Which stores there are, and what lies in them, is not known here: a key is asked for by the
thumbprint of its certificate.  Nothing of a secret stands in an error.
"""

from collections.abc import Callable
from dataclasses import fields, replace

from hermetic.certificates.envelope import thumbprint_of, unseal
from hermetic.certificates.keys import PrivateKey
from hermetic.config.declaration import declaration_of, written
from hermetic.config.tree import P, is_section
from hermetic.errors import BadConfiguration, BadInput, CertificateRejected

Keys = Callable[[str], PrivateKey | None]
"""Returns the private key of the certificate with a SHA-1 thumbprint, in upper-case hexadecimal.

`None` if no store of the node holds it.
"""


def unsealed(part: P, keys: Keys) -> P:
    """Return *part*, a tree or a section, with its sealed secrets opened and said to be open.

    A section that is switched off is left as it is: nobody uses what it holds, and the
    certificate it was sealed for may be long gone.

    Raises:
        BadConfiguration: A secret cannot be opened; names the setting, and the certificate that
            is needed.
    """
    return _unsealed(part, keys, ())


def _unsealed(part: P, keys: Keys, above: tuple[str, ...]) -> P:
    if getattr(part, "enabled", None) is False:
        return part
    changed: dict[str, object] = {}
    for one in fields(part):
        value, path = getattr(part, one.name), (*above, written(one))
        flag = declaration_of(one).sealed_by
        if is_section(value):
            changed[one.name] = _unsealed(value, keys, path)
        elif flag and getattr(part, flag) and value:
            changed[one.name], changed[flag] = _opened(value, keys, ".".join(path)), False
    return replace(part, **changed)


def _opened(envelope: str, keys: Keys, setting: str) -> str:
    try:
        thumbprint = thumbprint_of(envelope)
        key = keys(thumbprint)
        if key is not None:
            return unseal(envelope, key)
    except (BadInput, CertificateRejected) as error:
        raise BadConfiguration(f"{setting}: {error.text}", key=setting) from error
    raise BadConfiguration(
        f"{setting} is sealed for the certificate {thumbprint}, and no store of this node holds"
        " that with its private key: import it with `hermetic certificate import`, or seal the"
        " secret anew.",
        key=setting,
    )
