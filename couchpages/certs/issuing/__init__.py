"""Certificates that are issued and renewed by ACME (RFC 8555), and what is looked at before an authority is asked to."""
