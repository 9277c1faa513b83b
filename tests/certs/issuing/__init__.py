"""Issuing certificates."""
