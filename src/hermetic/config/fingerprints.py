"""Fingerprints of certificates as people paste them."""

import re

from hermetic.config.declaration import Form

# Windows puts a mark that nobody sees (U+200E) before the thumbprint that its dialog shows.
_BETWEEN = re.compile(r"[\s:\u200e\u200f]")
_FINGERPRINT = re.compile(r"[0-9A-F]{40}|[0-9A-F]{64}")


def fingerprint(text: str) -> str | None:
    """Return *text* as SHA-1 or SHA-256 in upper-case hexadecimal; `None` if it is neither."""
    plain = _BETWEEN.sub("", text).upper()
    return plain if _FINGERPRINT.fullmatch(plain) else None


FINGERPRINT = Form("a SHA-1 or SHA-256 fingerprint in hexadecimal", fingerprint)
"""A fingerprint, however it is punctuated."""
