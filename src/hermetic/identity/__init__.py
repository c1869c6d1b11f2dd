"""Whoever vouches for a user."""
