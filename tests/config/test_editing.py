import codecs
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermetic.config.editing import Setting, edit, edited, prepared
from hermetic.config.jsonc import Value, parse
from hermetic.errors import BadConfiguration

FILE = """{
  // where it listens
  "Kestrel": {
    "Port": 12800, /* the old one */
    "HttpsEnabled": true
  },
  "configured": "configured"
}
"""


def at(value: Value, *steps: str) -> object:
    for step in steps:
        assert isinstance(value.content, dict)
        value = next(m.value for name, m in value.content.items() if name.lower() == step.lower())
    if isinstance(value.content, tuple):
        return [one.content for one in value.content]
    return value.content


def test_a_value_is_changed_where_it_stands_and_nothing_else() -> None:
    text = edited(FILE, ["kestrel", "PORT"], 443, file="f")
    assert text == FILE.replace("12800", "443")


def test_what_is_missing_is_added_at_the_end_with_the_indentation_around() -> None:
    text = edited(FILE, ["Kestrel", "Host"], "localhost", file="f")
    assert text == FILE.replace(
        '"HttpsEnabled": true\n', '"HttpsEnabled": true,\n    "Host": "localhost"\n'
    )


@pytest.mark.parametrize("text", ["{}", "{\n}\n", '{"A": 1,}', '{"A": 1 // last\n}', FILE])
@pytest.mark.parametrize("value", [443, True, 'a "b" \\ ü', ["http://a:1", "http://b:2"]])
def test_whatever_is_written_is_read_again(text: str, value: Setting) -> None:
    path = ["BackEndConfiguration", "Uris", "Values"]
    once = edited(text, path, value, file="f")
    assert at(parse(once, file="f"), *path) == value
    assert edited(once, path, value, file="f") == once


@given(st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 9)), st.sampled_from("abcdefg"))
def test_other_members_stay(members: dict[str, int], name: str) -> None:
    text = "{" + ", ".join(f'"{key}": {value}' for key, value in members.items()) + "}"
    after = parse(edited(text, [name], 10, file="f"), file="f").content
    assert isinstance(after, dict)
    assert {key: one.value.content for key, one in after.items()} == {**members, name: 10}


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE])
def test_mark_encoding_owner_and_mode_stay_and_a_link_leads_there(
    tmp_path: Path, mark: bytes
) -> None:
    code = {b"": "utf-8", codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le"}
    encoding = code.get(mark, "utf-16-be")
    real, link = tmp_path / "real.json", tmp_path / "link.json"
    real.write_bytes(mark + FILE.encode(encoding))
    real.chmod(0o640)
    link.symlink_to(real)
    edit(link, {"Kestrel.Port": 443, "Kestrel.Host": "ü"})
    assert link.is_symlink()
    content = real.read_bytes()
    assert content.startswith(mark)
    assert at(parse(content[len(mark) :].decode(encoding), file="f"), "kestrel", "host") == "ü"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert len(list(tmp_path.iterdir())) == 2


def test_a_missing_file_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "appsettings.json"
    edit(path, {"Kestrel.Port": 443})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert at(parse(path.read_text(), file="f"), "Kestrel", "Port") == 443


@pytest.mark.parametrize("text", ['{"Kestrel": {"Port": 1 "Host": ""}}', '{"Kestrel": 5}', "[1]"])
def test_what_cannot_be_read_is_not_changed(tmp_path: Path, text: str) -> None:
    path = tmp_path / "appsettings.json"
    path.write_text(text)
    with pytest.raises(BadConfiguration, match=r"appsettings\.json"):
        edit(path, {"Kestrel.Port": 443})
    assert path.read_text() == text


def test_line_ends_stay_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "appsettings.json"
    path.write_bytes(FILE.replace("\n", "\r\n").encode())
    edit(path, {"Kestrel.Host": "localhost", "Pool.MaxSize": 3})
    content = path.read_bytes()
    assert content.count(b"\r\n") == content.count(b"\n")
    assert at(parse(content.decode(), file="f"), "Pool", "MaxSize") == 3


@pytest.mark.parametrize(
    "content",
    [
        '{\n  "A": "Passwort=für"\n}'.encode("cp1252"),
        codecs.BOM_UTF16_LE + b"{\x00}\x00\x00\xd8",
        codecs.BOM_UTF8 + b'{"A": "\xff"}',
    ],
)
def test_what_is_no_utf_8_is_refused_with_its_place_and_not_damaged(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "appsettings.json"
    path.write_bytes(content)
    with pytest.raises(BadConfiguration, match=r"appsettings\.json.*UTF-8"):
        edit(path, {"B": 1})
    assert path.read_bytes() == content


def test_what_is_read_only_is_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "appsettings.json"
    path.write_text("{}")
    path.chmod(0o400)
    with pytest.raises(BadConfiguration, match="chmod u\\+w"):
        edit(path, {"A": 1})
    assert path.read_text() == "{}"


def test_a_draft_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "appsettings.json"
    draft = tmp_path / f".appsettings.json.{os.getpid()}"
    draft.write_text("theirs")
    with pytest.raises(BadConfiguration):
        edit(path, {"A": 1})
    assert draft.read_text() == "theirs"
    assert not path.exists()


def test_nothing_is_written_before_it_is_said(tmp_path: Path) -> None:
    path = tmp_path / "appsettings.json"
    write = prepared(path, {"A": 1})
    assert not path.exists()
    write()
    assert at(parse(path.read_text(), file="f"), "A") == 1
