"""Hermetic: self-hosted model serving in which every hop is sealed."""
