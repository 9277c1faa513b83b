"""The authoritative name server: zones and records in CouchDB, answered by every node from memory."""
