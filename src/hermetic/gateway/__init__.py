"""Use cases of a web node, free of any HTTP framework."""
