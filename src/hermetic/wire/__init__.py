"""How values look on HTTP: messages, problems, interface descriptions."""
