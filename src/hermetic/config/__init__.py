"""Settings as a typed, frozen tree that knows where each value came from."""
