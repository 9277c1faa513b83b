"""Certificates: sealed in CouchDB, opened on every node, and served."""
