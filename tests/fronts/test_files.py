"""Paths that are written into a configuration as they are."""

import re
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermetic.errors import BadInput
from hermetic.fronts.files import Files

FILES = {"certificate": "/etc/ssl/web.pem", "key": "/etc/ssl/web.key"}
PAIR = {"upstream_certificate": "/a.pem", "upstream_key": "/a.key"}
EVERYTHING = FILES | PAIR | {"client_ca": "/c", "client_crl": "/d", "upstream_ca": "/e"}


def test_an_absolute_path_of_harmless_characters_is_taken() -> None:
    path = "/etc/letsencrypt/live/models.example.com-0001/full_chain+1@x:y,z=~.pem"
    assert Files(path, path).certificate == path


@pytest.mark.parametrize("name", [one.name for one in fields(Files)])
@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "relative.pem",
        "data:x",
        "engine:x",
        "/a;include /etc/shadow",
        "/a\nuser root",
        "/a\n",
        "/a b",
        "/a{",
        "/a}",
        "/$host",
        "/${host}",
        '/a"',
        "/a'",
        "/a\\",
        "/a#",
        "/ä",
        "/" + "a" * 1024,
    ],
)
def test_anything_else_is_refused_wherever_it_stands(name: str, path: str) -> None:
    with pytest.raises(BadInput, match=name.replace("_", " ")):
        Files(**EVERYTHING | {name: path})


@given(st.text(max_size=30))
def test_whatever_is_accepted_is_one_word(text: str) -> None:
    try:
        path = Files(text, "/key").certificate
    except BadInput:
        return
    assert re.fullmatch(r"/[^\s;{}$\"'\\#]+", path)


@pytest.mark.parametrize("name", PAIR)
def test_a_certificate_and_its_key_come_together(name: str) -> None:
    with pytest.raises(BadInput, match="belong together"):
        Files(**FILES, **{name: PAIR[name]})


def test_a_revocation_list_needs_its_authority() -> None:
    with pytest.raises(BadInput, match="--client-ca"):
        Files(**FILES, client_crl="/crl.pem")
