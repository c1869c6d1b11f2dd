import pytest

from hermetic.database.connection_string import ConnectionParameters
from hermetic.database.postgresql_errors import error_of, lost_beyond_knowing, too_slow
from hermetic.errors import (
    BadConfiguration,
    BadInput,
    Busy,
    HermeticError,
    StorageFull,
    TrustFailure,
    Unavailable,
)

HERE = ConnectionParameters("db.example.com", "ml", "anna", "secret")


@pytest.mark.parametrize(
    ("code", "kind", "remedy"),
    [
        ("53100", StorageFull, "Free some space"),
        ("25006", Unavailable, "name its primary"),
        ("42501", BadConfiguration, "the owner of database 'ml'"),
        ("28P01", BadConfiguration, "correct the user and the password"),
        ("28000", BadConfiguration, "allow user 'anna' in pg_hba.conf"),
        ("3D000", BadConfiguration, "CREATE DATABASE, owned by user 'anna'"),
        ("XX001", BadConfiguration, "restore it from a copy"),
        ("XX002", BadConfiguration, "REINDEX DATABASE"),
        ("53300", Unavailable, "raise max_connections"),
        ("53200", Unavailable, "the memory of its server"),
        ("57014", Unavailable, "look at its server's load"),
        ("55P03", Unavailable, "look at its server's load"),
        ("40001", Busy, "try again"),
        ("40P01", Busy, "try again"),
        ("57P01", Unavailable, "nothing was changed, so try again"),
        ("08006", Unavailable, "nothing was changed, so try again"),
        (None, Unavailable, "nothing was changed, so try again"),
        ("22021", BadInput, "take that out"),
        ("42601", HermeticError, "failed: because"),
    ],
)
def test_what_a_statement_fails_of_says_what_to_do(
    code: str | None, kind: type[HermeticError], remedy: str
) -> None:
    error = error_of(HERE, code, "because\nDETAIL: of a value")
    assert type(error) is kind
    assert remedy in error.text
    assert "of a value" not in error.text


@pytest.mark.parametrize(
    ("text", "kind", "remedy"),
    [
        ('FATAL:  password authentication failed for user "anna"', BadConfiguration, "password"),
        ("fe_sendauth: no password supplied", BadConfiguration, "password"),
        ('FATAL:  role "anna" does not exist', BadConfiguration, "pg_hba.conf"),
        ('FATAL:  no pg_hba.conf entry for host "a", no encryption', BadConfiguration, "pg_hba"),
        ("FATAL:  connection requires a valid client certificate", BadConfiguration, "pg_hba"),
        ('FATAL:  database "ml" does not exist', BadConfiguration, "CREATE DATABASE"),
        ('FATAL:  permission denied for database "ml"', BadConfiguration, "owner"),
        ("FATAL:  sorry, too many clients already", Unavailable, "max_connections"),
        ("SSL error: certificate verify failed", TrustFailure, "Root Certificate"),
        ('server certificate for "a" does not match host name "b"', TrustFailure, "as Host"),
        ("server does not support SSL, but SSL was required", TrustFailure, "ssl = on"),
        ('could not load private key file "/k": bad', BadConfiguration, "its rights"),
        ('private key file "/k" has group or world access', BadConfiguration, "its rights"),
        ("Connection refused\n\tIs the server running?", Unavailable, "see that its server runs"),
        ("FATAL:  the database system is starting up", Unavailable, "see that its server runs"),
    ],
)
def test_what_a_connection_fails_of_says_what_to_do(
    text: str, kind: type[HermeticError], remedy: str
) -> None:
    prefix = 'connection failed: connection to server at "10.0.0.1", port 5432 failed: '
    error = error_of(HERE, None, prefix + text, is_connecting=True)
    assert type(error) is kind
    assert remedy in error.text
    assert "connection to server at" not in error.text


def test_a_password_that_is_quoted_all_the_same_is_left_out() -> None:
    for code in ("28P01", "42601", None):
        assert "secret" not in error_of(HERE, code, "wrong: secret").text


def test_what_cannot_be_known_is_not_called_unchanged() -> None:
    assert "nothing was changed" not in lost_beyond_knowing(HERE).text
    assert "'ml' at db.example.com:5432" in too_slow(HERE).text
