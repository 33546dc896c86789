"""Texts to unit-length vectors, and the cache that keeps them."""
