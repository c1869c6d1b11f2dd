-- Which compute node keeps the session; empty where one box does both.
ALTER TABLE sessions ADD COLUMN node TEXT NOT NULL DEFAULT '';
CREATE INDEX sessions_by_owner ON sessions (owner);
