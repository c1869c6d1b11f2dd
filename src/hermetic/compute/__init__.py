"""The compute node: workers, their dispatch, their limits."""
