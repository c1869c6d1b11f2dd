"""What a deployment is made of, put together as Azure ML's containers have it."""

import tarfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from hermetic.errors import BadInput, BundleRejected, HermeticError
from hermetic.gateway.assembling import Assembly, Source, Sources
from tests.support.deploying import SCRIPT, Deck, archive, deck_in, pieces

ARCHIVE = "LocalUpload/box/source.tar.gz"


@pytest.fixture
async def deck(tmp_path: Path) -> AsyncIterator[Deck]:
    async with deck_in(tmp_path) as deck:
        yield deck


def assembly(deck: Deck) -> Assembly:
    return Assembly(deck.uploads, deck.models, deck.bundles, deck.home / "uploads")


async def names(deck: Deck, bundle: str) -> list[str]:
    tree = await deck.bundles.folder(bundle) / "files"
    return sorted(str(one.relative_to(tree)) for one in tree.rglob("*") if one.is_file())


async def test_a_script_lies_beside_its_models(deck: Deck) -> None:
    await deck.uploads.put(SCRIPT, pieces(b"def run(data): return data\n"))
    models = [(await deck.model(name)).id for name in ("wine", "beer")]
    variables = {"AZUREML_ENTRY_SCRIPT": "score.py", "MORE": "1"}
    made = await assembly(deck).assemble(Sources((Source(SCRIPT),), tuple(models), variables))
    assert await names(deck, made.bundle) == [
        "azureml-models/beer/1/model.bin",
        "azureml-models/wine/1/model.bin",
        "score.py",
    ]
    assert dict(made.variables) == {**variables, "AZUREML_MODEL_DIR": "azureml-models"}


@pytest.mark.parametrize(
    ("number", "folder"), [(0, ""), (1, "azureml-models/wine/1"), (2, "azureml-models")]
)
async def test_where_models_lie_depends_on_their_number(
    deck: Deck, number: int, folder: str
) -> None:
    await deck.uploads.put(SCRIPT, pieces(b"def run(data): return data\n"))
    models = tuple([(await deck.model()).id for _ in range(number)])
    sources = Sources((Source(SCRIPT),), models, {"AZUREML_ENTRY_SCRIPT": "score.py"})
    made = await assembly(deck).assemble(sources)
    assert dict(made.variables)["AZUREML_MODEL_DIR"] == folder


async def test_a_source_directory_is_unpacked(deck: Deck) -> None:
    await deck.uploads.put(ARCHIVE, pieces(archive({"src/score.py": "x = 1\n", "src/a/b": "c"})))
    sources = Sources((Source(ARCHIVE, unpack=True),), (), {"AZUREML_ENTRY_SCRIPT": "src/score.py"})
    made = await assembly(deck).assemble(sources)
    assert made.script == "src/score.py"
    assert await names(deck, made.bundle) == ["src/a/b", "src/score.py"]


def packed(change: Callable[[tarfile.TarInfo], None], name: str = "score.py") -> bytes:
    """Return an archive of one file that *change* makes something else of."""
    member = tarfile.TarInfo(name)
    change(member)
    return member.tobuf(tarfile.GNU_FORMAT) + bytes(tarfile.BLOCKSIZE * 3)


def link(member: tarfile.TarInfo) -> None:
    member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"


def hard_link(member: tarfile.TarInfo) -> None:
    member.type, member.linkname = tarfile.LNKTYPE, "/etc/passwd"


def device(member: tarfile.TarInfo) -> None:
    member.type = tarfile.CHRTYPE


def huge(member: tarfile.TarInfo) -> None:
    member.size = 1 << 40


def nothing(member: tarfile.TarInfo) -> None:
    pass


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (packed(link), BundleRejected),
        (packed(hard_link), BundleRejected),
        (packed(device), BundleRejected),
        (packed(huge), BundleRejected),
        (packed(nothing, "../outside.py"), BundleRejected),
        (packed(nothing, "a/../../outside.py"), BundleRejected),
        (b"no archive at all", BadInput),
        (archive({"score.py": "x" * 5000})[:-20], BadInput),
    ],
    ids=[
        "link",
        "hard link",
        "device",
        "huge",
        "above",
        "above by a folder",
        "no archive",
        "cut short",
    ],
)
async def test_what_leads_outside_or_is_no_archive_is_refused(
    deck: Deck, data: bytes, error: type[HermeticError]
) -> None:
    await deck.uploads.put(ARCHIVE, pieces(data))
    sources = Sources((Source(ARCHIVE, unpack=True),), (), {"AZUREML_ENTRY_SCRIPT": "score.py"})
    with pytest.raises(error):
        await assembly(deck).assemble(sources)
    assert list((deck.home / "uploads").iterdir()) == []
    assert not (deck.home / "outside.py").exists()


async def test_an_absolute_name_stays_inside(deck: Deck) -> None:
    await deck.uploads.put(ARCHIVE, pieces(packed(nothing, "/score.py")))
    sources = Sources((Source(ARCHIVE, unpack=True),), (), {"AZUREML_ENTRY_SCRIPT": "score.py"})
    made = await assembly(deck).assemble(sources)
    assert await names(deck, made.bundle) == ["score.py"]
