"""TLS contexts, and their replacement while connections are open."""
