"""SQLite and PostgreSQL behind one small surface, and their migrations."""
