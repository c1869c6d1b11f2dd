"""Reverse proxies in front of nodes: what they may say of a client, and how they are set up."""
