CREATE TABLE principals (
    name TEXT NOT NULL PRIMARY KEY,
    role TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    created_at TEXT NOT NULL
);

-- One row for each pair of tokens; a chain is what began with one login.
CREATE TABLE logins (
    id TEXT NOT NULL PRIMARY KEY,
    chain TEXT NOT NULL,
    principal TEXT NOT NULL,
    refresh_digest TEXT NOT NULL UNIQUE,
    issued_at TEXT NOT NULL,
    refresh_until TEXT NOT NULL,
    chain_until TEXT NOT NULL,
    ended_at TEXT
);
CREATE INDEX logins_by_chain ON logins (chain);
CREATE INDEX logins_by_principal ON logins (principal);
CREATE INDEX logins_by_end ON logins (refresh_until);

-- position is the order of publication, which the retired clients rely on.
CREATE TABLE services (
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    position INTEGER NOT NULL UNIQUE,
    owner TEXT NOT NULL,
    created_at TEXT NOT NULL,
    runtime TEXT NOT NULL,
    entry_kind TEXT NOT NULL,
    code TEXT NOT NULL,
    init_code TEXT,
    target TEXT,
    inputs TEXT NOT NULL,
    outputs TEXT NOT NULL,
    files TEXT NOT NULL,
    description TEXT,
    operation_id TEXT,
    snapshot_id TEXT,
    bundle TEXT,
    PRIMARY KEY (name, version)
);

CREATE TABLE sessions (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT,
    owner TEXT NOT NULL,
    runtime TEXT NOT NULL,
    created_at TEXT NOT NULL
);

CREATE TABLE snapshots (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT,
    owner TEXT NOT NULL,
    created_at TEXT NOT NULL,
    runtime TEXT NOT NULL,
    bundle TEXT NOT NULL,
    size INTEGER NOT NULL,
    members INTEGER NOT NULL
);
CREATE INDEX snapshots_by_owner ON snapshots (owner);
