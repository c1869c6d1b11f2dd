"""What there is to look at on a machine with a node, as its home and its settings say."""

import os
from collections.abc import Callable
from urllib.parse import urlsplit

from hermetic.certificates.roles import Role
from hermetic.config.compute import ComputeSettings
from hermetic.config.home import Home, read_record
from hermetic.config.sections import CertificateChoice
from hermetic.config.settings import Settings
from hermetic.config.web import WebSettings
from hermetic.database.database import Database
from hermetic.database.sqlite import SqliteDatabase
from hermetic.diagnostics.here import Here, Port
from hermetic.diagnostics.trust import Named
from hermetic.wiring.keeping import sharing
from hermetic.wiring.life import EVERYWHERE
from hermetic.wiring.saying import AnySettings, is_open
from hermetic.wiring.unsealing import opened
from hermetic.wiring.wish import choice_of


def here_of(home: Home, settings: AnySettings) -> Here:
    """Return what there is to look at."""
    role = Role.COMPUTE if isinstance(settings, ComputeSettings) else Role.API
    kestrel, names = settings.kestrel, settings.certificates.names
    named = _named(settings, role)
    chosen = bool(named) and named[0].role is role
    own = kestrel.https_enabled and not chosen and not settings.certificates.folder
    return Here(
        root=home.root,
        stores=home.stores,
        certificates=home.certificates,
        authority=home.authority,
        port=_port(home, settings),
        me=os.geteuid(),
        named=named,
        own=role if own else None,
        names=names,
        database=_database(home, settings),
        believes=_believes(settings),
    )


def _believes(settings: AnySettings) -> bool:
    if isinstance(settings, ComputeSettings):
        return not is_open(settings)
    if isinstance(settings, WebSettings):
        uris = settings.back_end_configuration.uris
        return any(one.startswith("https:") for one in (*uris.values, *uris.ranges))
    return False


def _named(settings: AnySettings, role: Role) -> list[Named]:
    if isinstance(settings, Settings):
        return []
    sections: list[tuple[str, CertificateChoice, Role, tuple[str, ...]]] = [
        (
            "Kestrel.HttpsCertificate",
            settings.kestrel.https_certificate,
            role,
            settings.certificates.names,
        )
    ]
    if not settings.kestrel.https_enabled:
        sections.clear()
    if isinstance(settings, WebSettings):
        shown = settings.back_end_configuration.client_certificate
        setting = "BackEndConfiguration.ClientCertificate"
        sections.append((setting, shown, Role.AUTHENTICATION, ()))
    return [
        Named(setting, choice_of(section), what, names)
        for setting, section, what, names in sections
        if section.is_chosen
    ]


def _port(home: Home, settings: AnySettings) -> Port:
    """Return where the node listens; what runs in the home knows best."""
    kestrel = settings.kestrel
    sealed = kestrel.https_enabled
    running = read_record(home.running)
    if running is not None:
        parts = urlsplit(str(running.get("url")))
        host = parts.hostname or "localhost"
        return Port(host, parts.port or kestrel.port, sealed, host)
    host = "localhost" if kestrel.host in EVERYWHERE else kestrel.host
    return Port(host, kestrel.port, sealed, host)


def _database(home: Home, settings: AnySettings) -> tuple[Callable[[], Database], str] | None:
    if isinstance(settings, WebSettings) and settings.connection_strings.postgresql.enabled:
        connection = opened(home, settings).connection_strings.postgresql.connection
        return lambda: _postgresql(connection), "postgresql"
    if isinstance(settings, ComputeSettings) or not home.database.exists():
        return None
    return lambda: SqliteDatabase(home.database), "sqlite"


def _postgresql(connection: str) -> Database:
    database: Database = sharing().database_of(connection)
    return database
