"""What an import is shown as: what was kept, whether it is new, what settings name it by."""

from collections.abc import Mapping
from dataclasses import dataclass

from hermetic.certificates.importing import Import
from hermetic.certificates.names import DistinguishedName
from hermetic.certificates.refusal import shown
from hermetic.certificates.roles import SIGNING, Role
from hermetic.certificates.selection import Choice
from hermetic.cli import inventory, output
from hermetic.clock import system_clock


@dataclass(frozen=True)
class Imported:
    """What was kept, whether that was new, and what settings name it by."""

    found: Import
    choice: Choice
    role: str
    is_new: bool


def settings_for(choice: Choice, role: str, issuer: str) -> dict[str, Mapping[str, object]]:
    """Return what to write into appsettings.json, by the kind of node that it is for."""
    certificate = {
        "Enabled": True,
        "StoreName": choice.store.value,
        "StoreLocation": choice.location.value,
        "SubjectName": str(choice.subject or ""),
        "Thumbprint": choice.thumbprint or "",
    }
    if role == SIGNING:
        return {"web nodes": {"Authentication": {"JWTSigningCertificate": certificate}}}
    if role == Role.AUTHENTICATION:
        peer = {"Enabled": True, "Issuer": issuer, "Subject": str(choice.subject or "")}
        return {
            "web node": {"BackEndConfiguration": {"ClientCertificate": certificate}},
            "compute node": {"ClientCertificate": peer},
        }
    node = "web node" if role == Role.API else "compute node"
    return {node: {"Kestrel": {"HttpsEnabled": True, "HttpsCertificate": certificate}}}


def _settings(made: Imported) -> dict[str, Mapping[str, object]]:
    issuer = str(DistinguishedName.of(made.found.credential.chain.leaf.issuer))
    return settings_for(made.choice, made.role, issuer)


def _notes(made: Imported) -> list[str]:
    """Return what else came along, and what became of it."""
    notes = [
        f"The revocation list of {shown(one.issuer)} was kept in CertificateAuthority."
        for one in made.found.revocation_lists
    ]
    notes += [
        f"{shown(one.subject)} came along and was left out: it is not part of the chain."
        for one in made.found.left_out
    ]
    if made.choice.thumbprint is not None:
        notes.append(
            "Its subject alone does not say that this one is meant, so Thumbprint does; write the"
            " new one there after each renewal."
        )
    return notes


def _described(made: Imported) -> dict[str, object]:
    place = made.choice.location, made.choice.store
    return inventory.described(inventory.Found(made.found.credential, place), system_clock())


def in_json(made: Imported) -> dict[str, object]:
    """Return it as a document."""
    root = made.found.root
    return {
        **_described(made),
        "new": made.is_new,
        "trustedRoot": root.subject.rfc4514_string() if root is not None else None,
        "settings": _settings(made),
        "notes": _notes(made),
        "warnings": list(made.found.warnings),
    }


def show(made: Imported) -> None:
    """Print it for a person, and what there is to be said of it."""
    for warning in made.found.warnings:
        output.warn(warning)
    for note in _notes(made):
        output.note(note)
    where = f"{made.choice.store.value} at {made.choice.location.value}"
    output.show(
        f"{'Imported into' if made.is_new else 'Nothing to do: it is already in'} {where}.\n"
    )
    inventory.show(_described(made))
    for node, written in _settings(made).items():
        output.show(f"\nIn appsettings.json of the {node}:\n")
        output.show_document(written)
