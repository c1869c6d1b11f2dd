"""SQLite behind one small surface, and its migrations."""
