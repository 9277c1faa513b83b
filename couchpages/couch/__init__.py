"""CouchDB: its client, the follower of its changes, and the embedded store for machines without one."""
