"""Configuration files as JSON or YAML: what is read, and where it says that it cannot be."""

from pathlib import Path

import pytest

from hermetic.cli.az_files import read_object
from hermetic.errors import BadInput

BOMB = "a: &a [x, x, x, x]\nb: &b [*a, *a, *a, *a]\nc: [*b, *b, *b, *b]\n"
MERGED = "a: &a {x: 1}\nb:\n  <<: [*a, *a]\n"


def written(folder: Path, text: str | bytes, name: str = "a.yml") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.mark.parametrize(
    "text",
    [
        '{"computeType": "aks", "keys": {"primaryKey": null}, "cpu": 0.5, "tags": ["a", true]}',
        '\ufeff{"computeType":"aks","keys":{"primaryKey":null},\n"cpu":0.5,\t"tags":["a",true]}',
        "# as documented\ncomputeType: aks\nkeys:\n  primaryKey:\ncpu: 0.5\ntags: [a, true]\n",
        "---\n{computeType: aks, keys: {primaryKey: ~}, cpu: 0.5, tags: [a, yes]}\n...\n",
    ],
)
@pytest.mark.parametrize("name", ["a.json", "a.yml", "a"])
def test_json_and_yaml_say_the_same(tmp_path: Path, text: str, name: str) -> None:
    found = read_object(written(tmp_path, text, name), "--option")
    expected = {"computeType": "aks", "keys": {"primaryKey": None}, "cpu": 0.5, "tags": ["a", True]}
    assert found == expected


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: 1\nb: [1\nc: 2\n", "no YAML at line 3, column 2"),
        ("a: 1\n\tb: 2\n", "no YAML at line 2, column 1"),
        ("a: !!python/object/apply:os.system [ls]\n", "no YAML at line 1, column 4"),
        ("a: 1\n---\nb: 2\n", "no YAML at line 2, column 1"),
        ("a: \x07\n", "no YAML"),
        ("a: 2026-13-41\n", "no YAML"),
        ("[]", "no object"),
        ("", "no object"),
        (b"a: \xff", "not UTF-8 at byte 4"),
        ("a:\n  b: [1, 2026-11-27]\n", r"date at a\.b\[1\]: quote it"),
        ("a: !!binary aGk=\n", "bytes at a"),
        ("a: .nan\n", "nan at a"),
        ("a:\n  1: 2\n", "the name 1 in a"),
        ("on: 2\n", "the name True, which"),
    ],
)
def test_what_is_no_plain_object_is_refused_with_its_place(
    tmp_path: Path, text: str | bytes, told: str
) -> None:
    path = written(tmp_path, text)
    with pytest.raises(BadInput, match=told) as refused:
        read_object(path, "--option")
    assert refused.value.text.startswith(f"--option: {path} ")


def test_what_is_called_json_is_told_of_as_json(tmp_path: Path) -> None:
    broken = '{\n  "a": [1,\n  "b": 2\n}\n'
    with pytest.raises(BadInput, match="no JSON at line 3, column 6"):
        read_object(written(tmp_path, broken, "a.json"), "--option")


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"--option: .*none cannot be read"):
        read_object(tmp_path / "none", "--option")


@pytest.mark.parametrize("text", [BOMB, MERGED, "a: &a [*a]\n"])
def test_a_few_lines_do_not_become_many(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadInput, match="uses an anchor at line"):
        read_object(written(tmp_path, text), "--option")
    assert read_object(written(tmp_path, "a: &a [1]\n"), "--option") == {"a": [1]}


@pytest.mark.parametrize(
    "text",
    ["[" * 5000, '{"a":' * 100_000, "a: " + "[" * 65 + "]" * 65, '{"a":' * 500 + "1" + "}" * 500],
)
def test_what_is_too_deep_or_too_large_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadInput, match=r"deep|has more than 256 KiB"):
        read_object(written(tmp_path, text), "--option")


def test_the_largest_is_read_and_one_more_byte_is_not(tmp_path: Path) -> None:
    most = "a: 1\n#" + "x" * (256 * 1024 - 6)
    assert read_object(written(tmp_path, most), "--option") == {"a": 1}
    with pytest.raises(BadInput, match="256 KiB"):
        read_object(written(tmp_path, f"{most}x"), "--option")
