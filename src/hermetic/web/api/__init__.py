"""The REST API: each module turns requests of one kind into use cases, and back."""
