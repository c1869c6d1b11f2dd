"""What a person asks of a web node, and a web node of a compute node."""
