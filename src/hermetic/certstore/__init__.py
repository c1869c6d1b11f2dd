"""Wherever credentials are kept."""
