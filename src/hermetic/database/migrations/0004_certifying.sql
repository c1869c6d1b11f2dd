-- Tokens by which our authority certifies for others, and who has used them.  An authority is
-- known by its own word, since several web nodes may have one each beside the same database.
CREATE TABLE enrolments (
    id TEXT NOT NULL PRIMARY KEY,
    authority TEXT NOT NULL,
    roles TEXT NOT NULL,
    names TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at TEXT NOT NULL,
    redeem_until TEXT NOT NULL,
    account_key TEXT,
    contact TEXT NOT NULL DEFAULT '[]',
    joined_at TEXT,
    ended_at TEXT,
    seen_at TEXT,
    holds TEXT NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX enrolments_by_key ON enrolments (authority, account_key);

CREATE TABLE orders (
    id TEXT NOT NULL PRIMARY KEY,
    enrolment TEXT NOT NULL,
    role TEXT NOT NULL,
    names TEXT NOT NULL,
    replaces TEXT NOT NULL,
    created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    serial TEXT
);
CREATE INDEX orders_by_enrolment ON orders (enrolment, created_at);
CREATE INDEX orders_by_end ON orders (expires_at);

-- What was certified for an order.
CREATE TABLE certificates (
    authority TEXT NOT NULL,
    serial TEXT NOT NULL,
    enrolment TEXT NOT NULL,
    role TEXT NOT NULL,
    names TEXT NOT NULL,
    not_before TEXT NOT NULL,
    not_after TEXT NOT NULL,
    chain TEXT NOT NULL,
    replaced_by TEXT,
    PRIMARY KEY (authority, serial)
);
CREATE INDEX certificates_by_enrolment ON certificates (enrolment);
CREATE INDEX certificates_by_end ON certificates (not_after);

-- Kept for ever: where anything was ever taken back, there are lists that have to be kept up.
CREATE TABLE revocations (
    authority TEXT NOT NULL,
    serial TEXT NOT NULL,
    revoked_at TEXT NOT NULL,
    reason INTEGER NOT NULL,
    not_after TEXT NOT NULL,
    PRIMARY KEY (authority, serial)
);

CREATE TABLE spent_nonces (
    nonce TEXT NOT NULL PRIMARY KEY,
    until TEXT NOT NULL
);
CREATE INDEX spent_nonces_by_end ON spent_nonces (until);

-- Who does what only one node may do at a time.  The token grows whenever another node takes over:
-- what a node writes that was paused meanwhile bears an older one, and is refused.
CREATE TABLE leases (
    name TEXT NOT NULL PRIMARY KEY,
    holder TEXT NOT NULL,
    token INTEGER NOT NULL,
    until TEXT NOT NULL
);

-- What web nodes have together and nobody else may read: sealed with a key that the database has not.
CREATE TABLE sealed_documents (
    name TEXT NOT NULL PRIMARY KEY,
    version INTEGER NOT NULL,
    data BLOB NOT NULL
);
