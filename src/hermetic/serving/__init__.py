"""What is served, and by whom: values, schemas, services, bundles, sessions; pure."""
