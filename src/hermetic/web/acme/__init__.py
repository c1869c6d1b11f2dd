"""Our own authority as an ACME server."""
