"""Whoever turns a request into a chain."""
