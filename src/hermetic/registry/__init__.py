"""What is remembered: services, bundles, sessions, principals."""
