"""What is trusted, and why: keys, chains, names, roles, signing and verification; pure."""
