"""One suite for two stores: what CouchDB Pages relies on, asked of the embedded store and of Apache CouchDB alike."""
