"""HTTP/1.1 held to limits, for both faces: connections, calls, the table of endpoints."""
