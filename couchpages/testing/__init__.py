"""Fakes and Hypothesis strategies for tests, ours and those of others who build on this package."""
