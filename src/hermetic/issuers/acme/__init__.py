"""A client of ACME (RFC 8555): certificates from a public or company authority without hands."""
