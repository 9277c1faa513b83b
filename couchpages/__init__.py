"""CouchDB Pages: static sites, DNS and certificates on your own servers, one daemon on each, CouchDB between them."""
