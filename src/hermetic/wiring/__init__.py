"""Nodes put together: from settings and a home to something that serves."""
