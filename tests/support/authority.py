"""Our own authority in a store of its own, its ledger beside it."""

from datetime import timedelta
from pathlib import Path

from hermetic.certstore.files import FileStore
from hermetic.certstore.ledger import Ledger
from hermetic.clock import Clock
from hermetic.issuers.authority import LEAF_LIFE, Authority
from hermetic.issuers.roots import ROOT


def ledger_of(store: FileStore) -> Path:
    """Return where `opened` keeps the ledger."""
    return store.folder(ROOT).parent.with_suffix(".jsonl")


def opened(
    store: FileStore, clock: Clock, life: timedelta = LEAF_LIFE, *, name: str = "Hermetic"
) -> Authority:
    """Return the authority in *store*, which is made if there is none."""
    return Authority.open(store, Ledger(ledger_of(store)), clock, leaf_life=life, name=name)
