-- An uploaded file that nothing refers to goes once nobody has wanted it for a while: from its upload on,
-- or from when it last became part of something.
ALTER TABLE artifacts RENAME COLUMN created_at TO wanted_at;
CREATE INDEX artifacts_by_wanted_at ON artifacts (wanted_at);
