from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from hermetic.database.connection_string import ConnectionParameters, SslMode, parse
from hermetic.database.postgresql_connection import Limits, PostgresConnection
from hermetic.errors import BadConfiguration, HermeticError, TrustFailure, Unavailable
from tests.support.postgresql import CERTIFIED, PASSWORD, Cluster

SEALED = "SELECT version AS value FROM pg_stat_ssl WHERE pid = pg_backend_pid()"


@pytest.fixture
def connection(postgresql: Cluster) -> Iterator[PostgresConnection]:
    connection = PostgresConnection(postgresql.reach("postgres"), Limits())
    yield connection
    connection.close()


def asked(where: ConnectionParameters, sql: str = SEALED) -> object:
    """Return the one value that a new connection is answered."""
    connection = PostgresConnection(where, Limits())
    try:
        (row,) = connection.rows(sql)
        return row["value"]
    finally:
        connection.close()


def test_a_connection_is_sealed(postgresql: Cluster) -> None:
    assert asked(postgresql.reach("postgres")) == "TLSv1.3"


def test_a_socket_needs_no_seal(postgresql: Cluster) -> None:
    for mode in (SslMode.PREFER, SslMode.VERIFY_FULL):
        where = replace(
            postgresql.reach("postgres"),
            host=str(postgresql.folder),
            ssl_mode=mode,
            root_certificate=None,
        )
        assert asked(where) is None


def test_a_connection_string_leads_there(postgresql: Cluster) -> None:
    quoted = PASSWORD.replace('"', '""')
    where = parse(
        f'Host=localhost;Port={postgresql.port};Database=postgres;User ID=hermetic;Password="{quoted}";'
        f"SSL Mode=VerifyFull;Root Certificate={postgresql.folder}/ca.crt"
    )
    assert asked(where) == "TLSv1.3"


def test_who_has_a_certificate_needs_no_password(postgresql: Cluster) -> None:
    where = replace(
        postgresql.reach("postgres", user=CERTIFIED),
        password=None,
        certificate=f"{postgresql.folder}/client.crt",
        key=f"{postgresql.folder}/client.key",
    )
    assert asked(where, "SELECT session_user AS value") == CERTIFIED


@pytest.mark.parametrize(
    ("wrong", "kind", "said"),
    [
        ({"password": "s3cr3t"}, BadConfiguration, "correct the user and the password"),
        ({"password": None}, BadConfiguration, "correct the user and the password"),
        ({"user": "nobody"}, BadConfiguration, "correct the user and the password"),
        ({"user": CERTIFIED}, BadConfiguration, "pg_hba.conf"),
        ({"database": "missing"}, BadConfiguration, "CREATE DATABASE"),
        ({"ssl_mode": SslMode.DISABLE}, BadConfiguration, "pg_hba.conf"),
        ({"root_certificate": "{folder}/server.crt"}, TrustFailure, "as Root Certificate"),
        ({"root_certificate": None}, TrustFailure, "as Root Certificate"),
        ({"root_certificate": "{folder}/nothing"}, BadConfiguration, "correct its path"),
        ({"root_certificate": "{folder}/server.key"}, BadConfiguration, "its rights"),
        ({"host": "0.0.0.0"}, TrustFailure, "a name in it as Host"),
        ({"host": "db.invalid"}, Unavailable, "see that its server runs"),
        ({"host": "/nowhere"}, Unavailable, "see that its server runs"),
        ({"port": 1}, Unavailable, "see that its server runs"),
    ],
)
def test_who_is_not_let_in_is_told_why(
    postgresql: Cluster, wrong: dict[str, str], kind: type[HermeticError], said: str
) -> None:
    changes = {
        name: value.format(folder=postgresql.folder)
        if name == "root_certificate" and value
        else value
        for name, value in wrong.items()
    }
    where = replace(postgresql.reach("postgres"), **changes)  # type: ignore[arg-type] # each its own
    with pytest.raises(kind) as caught:
        asked(where)
    assert said in caught.value.text
    for secret in (PASSWORD, "s3cr3t"):
        assert secret not in f"{caught.value!r} {caught.value.__cause__!r} {where!r}"


def test_the_users_own_variables_and_files_do_not_count(
    postgresql: Cluster, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".postgresql").mkdir()
    (tmp_path / ".postgresql" / "postgresql.crt").write_text("no certificate")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("SSLMODE", "SSLROOTCERT", "SSLCERT", "HOST", "PORT", "DATABASE", "USER"):
        monkeypatch.setenv(f"PG{name}", "nonsense")
    assert asked(postgresql.reach("postgres")) == "TLSv1.3"


def test_a_server_that_keeps_nothing_safe_is_asked_to(postgresql: Cluster) -> None:
    with postgresql.database() as where:
        name = where.database
        for told, kept in [("off", "on"), ("local", "local"), ("remote_apply", "remote_apply")]:
            postgresql.administer(f"ALTER DATABASE {name} SET synchronous_commit = {told}")
            assert asked(where, "SELECT current_setting('synchronous_commit') AS value") == kept


def test_the_socket_is_not_shut_for_another(connection: PostgresConnection) -> None:
    connection.rows("SELECT 1 AS one")
    connection.sever()
    with pytest.raises(psycopg.OperationalError):
        connection.rows("SELECT 1 AS one")
    assert (connection.is_open, connection.was_severed) == (False, True)
    assert connection.rows("SELECT 1 AS one")[0]["one"] == 1
    assert (connection.is_open, connection.was_severed) == (True, False)


def test_what_is_not_open_can_be_cut_and_closed(connection: PostgresConnection) -> None:
    connection.sever()
    connection.roll_back()
    connection.close()
    assert not connection.is_open
