"""The embedded store: the part of Apache CouchDB's HTTP API that we use, on SQLite, for machines without CouchDB."""
