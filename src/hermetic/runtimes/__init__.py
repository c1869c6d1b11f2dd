"""What loads a bundle and calls it."""
