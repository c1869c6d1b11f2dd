"""Other products, spoken as they spoke: faces that translate and hold no state."""
