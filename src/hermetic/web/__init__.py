"""The web node on HTTP: scoring calls, the REST API."""
