"""What the face of Azure ML keeps: documents, files, models, and what is made of them."""

import hmac
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from hermetic.certificates.keys import encode
from hermetic.clock import Clock
from hermetic.gateway.assembling import Assembly
from hermetic.gateway.models import Models
from hermetic.gateway.uploads import Uploads
from hermetic.registry.deployments import Deployments
from hermetic.registry.disk import remove_tree
from hermetic.registry.documents import Documents
from hermetic.registry.sealed import Seal
from hermetic.wiring.keeping import Kept


@dataclass(frozen=True)
class Content:
    """What is kept, and who puts it together."""

    uploads: Uploads
    models: Models
    assembly: Assembly
    deployments: Deployments


def derived(key: RSAPrivateKey, purpose: bytes) -> bytes:
    """Return a key of 32 bytes for *purpose* alone, made from *key*."""
    return hmac.digest(encode(key), b"hermetic " + purpose, "sha256")


def emptied(folder: Path) -> Path:
    """Return *folder*, made if it is not there, without what an earlier run left in it."""
    folder.mkdir(mode=0o700, exist_ok=True)
    for leftover in folder.iterdir():
        remove_tree(leftover)
    return folder


def documents_of(kept: Kept, key: RSAPrivateKey) -> Documents:
    """Return the documents; their secrets are sealed with a key of its own, made from *key*."""
    return Documents(kept.database, Seal(derived(key, b"documents")))


def content_of(
    kept: Kept, documents: Documents, work: Path, upload_bytes: int, clock: Clock
) -> Content:
    """Return what is kept; *work* is a folder for what is under way."""
    uploads = Uploads(kept.artifacts, kept.bundles, work, most=upload_bytes)
    models = Models(documents, uploads, clock)
    assembly = Assembly(uploads, models, kept.bundles, work)
    return Content(uploads, models, assembly, Deployments(documents, kept.artifacts))
