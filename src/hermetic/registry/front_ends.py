"""Front ends as documents keep them: how each is sealed in the body, its certificate in the secrets."""

from collections.abc import Mapping

from hermetic.certificates.credential import Credential, pair
from hermetic.certificates.reading import read
from hermetic.registry.documents import Document
from hermetic.serving.frontend import FrontEndTls, TlsState

_CHAIN, _KEY = "tls.crt", "tls.key"


def tls_to_json(tls: FrontEndTls) -> Mapping[str, str]:
    """Return *tls* as it stands in a document."""
    return {"state": tls.state, "host": tls.host, "label": tls.label, "suffix": tls.suffix}


def tls_from_json(found: Mapping[str, str]) -> FrontEndTls:
    """Return what `tls_to_json` wrote."""
    return FrontEndTls(TlsState(found["state"]), found["host"], found["label"], found["suffix"])


def secrets_of(credential: Credential | None) -> Mapping[str, bytes]:
    """Return *credential* as the secrets of a document."""
    if credential is None:
        return {}
    return {_CHAIN: credential.chain_pem, _KEY: credential.key_pem}


def credential_of(document: Document) -> Credential | None:
    """Return the credential among the secrets of *document*."""
    secrets = document.secrets
    if _KEY not in secrets:
        return None
    return pair(read(secrets[_CHAIN] + b"\n" + secrets[_KEY]))
