-- How often things of each kind were changed: what a node compares to know that it is behind.
CREATE TABLE revisions (
    kind TEXT NOT NULL PRIMARY KEY,
    revision INTEGER NOT NULL
);

-- At which revision a pair was given out or ended, whichever was last.
ALTER TABLE logins ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
CREATE INDEX logins_by_revision ON logins (revision);

ALTER TABLE services ADD COLUMN idempotent INTEGER NOT NULL DEFAULT 0;

-- Addresses of compute nodes as somebody wrote them: single ones and ranges.
CREATE TABLE compute_entries (
    position INTEGER NOT NULL PRIMARY KEY,
    entry TEXT NOT NULL UNIQUE
);

-- Entries that came from a settings file; one that was removed since does not come again.
CREATE TABLE seeded_entries (
    entry TEXT NOT NULL PRIMARY KEY
);

CREATE TABLE draining_nodes (
    uri TEXT NOT NULL PRIMARY KEY,
    since TEXT NOT NULL
);

CREATE TABLE web_nodes (
    id TEXT NOT NULL PRIMARY KEY,
    url TEXT NOT NULL,
    signing_key TEXT NOT NULL,
    version TEXT NOT NULL,
    started_at TEXT NOT NULL,
    beat_at TEXT NOT NULL,
    seen_services INTEGER NOT NULL,
    seen_logins INTEGER NOT NULL,
    seen_principals INTEGER NOT NULL,
    seen_nodes INTEGER NOT NULL
);

-- An archive is there, whole, once it has a row here; its pieces come before and go after.
CREATE TABLE bundle_archives (
    digest TEXT NOT NULL PRIMARY KEY,
    size INTEGER NOT NULL,
    members INTEGER NOT NULL,
    touched_at TEXT NOT NULL
);
CREATE TABLE bundle_pieces (
    digest TEXT NOT NULL,
    number INTEGER NOT NULL,
    stored_at TEXT NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (digest, number)
);
