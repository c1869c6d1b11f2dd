from dataclasses import replace
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermetic.database.connection_string import (
    ConnectionParameters,
    SslMode,
    is_this_machine,
    parse,
)
from hermetic.errors import BadConfiguration

DOCUMENTED = "User ID=anna;Password=secret;Host=db.example.com;Port=5433;Database=ml;Pooling=true;"
ANNA = ConnectionParameters("db.example.com", "ml", "anna", "secret", 5433)


def test_the_documented_form_is_read() -> None:
    assert parse(DOCUMENTED) == ANNA


@pytest.mark.parametrize(
    "text",
    [
        "Server=db.example.com;Port=5433;Database=ml;Username=anna;Password=secret",
        "host = db.example.com ; PORT=5433 ;DB=ml;uid=anna;pwd='secret';;",
        'userid=anna;Password="secret";Host=db.example.com;Port=5433;Database=ml',
        "postgresql://anna:secret@db.example.com:5433/ml",
        "postgres://db.example.com/ml?user=anna&password=secret&port=5433",
    ],
)
def test_other_ways_to_say_the_same_are_read(text: str) -> None:
    assert parse(text) == ANNA


def test_a_full_address_and_a_full_string_mean_the_same() -> None:
    wanted = replace(
        ANNA,
        ssl_mode=SslMode.VERIFY_CA,
        root_certificate="/ca.pem",
        certificate="/a.crt",
        key="/a.key",
    )
    assert wanted == parse(
        DOCUMENTED
        + "SSL Mode=VerifyCA;Root Certificate=/ca.pem;SSL Certificate=/a.crt;SSL Key=/a.key"
    )
    assert wanted == parse(
        "postgresql://anna:secret@db.example.com:5433/ml"
        "?sslmode=verify-ca&sslrootcert=/ca.pem&sslcert=/a.crt&sslkey=/a.key"
    )


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_password_can_be_quoted_or_encoded(password: str) -> None:
    quoted = DOCUMENTED.replace("secret", '"' + password.replace('"', '""') + '"')
    single = DOCUMENTED.replace("secret", "'" + password.replace("'", "''") + "'")
    encoded = f"postgresql://anna:{quote(password, safe='')}@db.example.com:5433/ml"
    assert {parse(text).password for text in (quoted, single, encoded)} == {password}


def test_a_socket_is_a_folder() -> None:
    for text in (
        "Host=/var/run/A;Database=ml;Username=anna",
        "postgresql://anna@%2Fvar%2Frun%2FA/ml",
        "postgresql:///ml?host=/var/run/A&user=anna",
    ):
        assert parse(text) == ConnectionParameters(
            "/var/run/A", "ml", "anna", ssl_mode=SslMode.PREFER
        )


def test_an_address_of_version_six_stands_in_brackets() -> None:
    assert parse("postgresql://anna@[2001:db8::1]:5433/ml").host == "2001:db8::1"


@pytest.mark.parametrize(
    ("host", "is_near"),
    [
        ("localhost", True),
        ("LOCALHOST", True),
        ("127.0.0.9", True),
        ("::1", True),
        ("/run/postgresql", True),
        ("localhost.example.com", False),
        ("10.0.0.1", False),
        ("2130706433", False),
        ("0.0.0.0", False),
    ],
)
def test_who_is_not_this_machine_has_to_prove_who_it_is(host: str, is_near: bool) -> None:
    assert is_this_machine(host) is is_near
    mode = parse(f"Host={host};Database=ml;Username=anna").ssl_mode
    assert mode is (SslMode.PREFER if is_near else SslMode.VERIFY_FULL)


def test_whose_authority_is_named_has_to_prove_it_too() -> None:
    text = "Host=localhost;Database=ml;Username=anna;Root Certificate=/ca.pem"
    assert parse(text).ssl_mode is SslMode.VERIFY_FULL


@pytest.mark.parametrize("word", ["Disable", "disable", "DISABLE"])
def test_plain_to_another_host_has_to_be_said(word: str) -> None:
    assert parse(f"{DOCUMENTED}SSL Mode={word}").ssl_mode is SslMode.DISABLE


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Hots=h;Database=ml", "unknown key 'Hots': Host may be meant"),
        (DOCUMENTED.replace("Host", "Hots"), "nobody knows after the password (Host, maybe)"),
        (DOCUMENTED + "Colour=blue", "unknown key 'Colour': leave it out"),
        (DOCUMENTED + "Server=other", "says Host twice"),
        (DOCUMENTED.replace("5433", "99999"), "Port that is no number from 1 to 65535"),
        (DOCUMENTED.replace("5433", "²"), "Port that is no number"),
        (DOCUMENTED.replace("5433", "'0'"), "Port that is no number"),
        (DOCUMENTED + "SSL Mode=Maybe", "none of disable, allow, prefer, require, verify-ca"),
        (DOCUMENTED + "SSL Key=/a.key", "the two belong together"),
        (DOCUMENTED.replace("Database=ml;", ""), "names no Database: add `Database=…`"),
        (DOCUMENTED.replace("User ID=anna;", ""), "names no User ID"),
        (DOCUMENTED.replace("db.example.com", "a,b"), "several hosts"),
        ("", "names no Host"),
        (DOCUMENTED + "Host", "cannot be read after Database"),
        ("'Host'=a", "unknown key"),
        ("Host='a'b;Database=ml;Username=anna", "cannot be read at its beginning"),
        ("postgresql://anna@h/ml?sslmod=require", "unknown parameter 'sslmod': sslmode may be"),
        ("postgresql://anna@h/ml?user=bert", "says user twice"),
        ("postgresql://anna@h:x/ml", "cannot be read: it is postgresql://USER"),
        ("postgresql://anna@[::1/ml", "cannot be read: it is postgresql://USER"),
    ],
)
def test_what_cannot_be_used_is_told(text: str, said: str) -> None:
    with pytest.raises(BadConfiguration) as caught:
        parse(text)
    assert said in caught.value.text


PASSWORDS = (
    "s3cr3t",
    "a;s3cr3t=b",
    "a;s3cr3t",
    "'s3cr3t",
    '"s3cr3t',
    "s3cr3t;Port=x",
    "a;Host=s3cr3t",
)


@pytest.mark.parametrize("password", PASSWORDS)
def test_no_error_repeats_what_may_be_a_password(password: str) -> None:
    for text in (f"Host=h;Password={password}", f"Password={password};Colour=b;Host=h"):
        with pytest.raises(BadConfiguration) as caught:
            parse(text)
        assert "s3cr3t" not in caught.value.text
        assert caught.value.__cause__ is None


@pytest.mark.parametrize("password", ["s3/cr3t", "12?s3cr3t=x", "s3cr3t#x", "1@s3cr3t", "1/s3cr3t"])
def test_a_password_that_is_not_encoded_is_not_repeated_either(password: str) -> None:
    with pytest.raises(BadConfiguration, match="cannot be read") as caught:
        parse(f"postgresql://anna:{password}@h/ml")
    assert "cr3t" not in caught.value.text


def test_the_password_is_not_shown() -> None:
    assert "secret" not in repr(parse(DOCUMENTED))
    assert parse(DOCUMENTED).place == "'ml' at db.example.com:5433"
