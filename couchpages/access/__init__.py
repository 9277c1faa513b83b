"""API keys: what they are, what they reach, and the ring of those that CouchDB holds."""
