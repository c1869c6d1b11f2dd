-- What is deployed and where: documents by kind and name.  Who changes one says which revision of it
-- was read, so that of two who do so at once one hears of the other.  Its secrets are sealed.
CREATE TABLE documents (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    revision INTEGER NOT NULL,
    body TEXT NOT NULL,
    secrets BLOB,
    PRIMARY KEY (kind, name)
);

-- Files that were uploaded on the way to a model or a deployment; the content of each lies in a bundle.
CREATE TABLE artifacts (
    name TEXT NOT NULL PRIMARY KEY,
    bundle TEXT NOT NULL,
    size INTEGER NOT NULL,
    created_at TEXT NOT NULL
);
CREATE INDEX artifacts_by_bundle ON artifacts (bundle);

-- Which bundles deployments are made of, so that none is swept.
CREATE TABLE deployed_bundles (
    deployment TEXT NOT NULL PRIMARY KEY,
    bundle TEXT NOT NULL
);
CREATE INDEX deployed_bundles_by_bundle ON deployed_bundles (bundle);
