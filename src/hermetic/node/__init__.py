"""The life of a node: listener, server, renewal, health."""
