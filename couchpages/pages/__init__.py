"""Static sites: from a host name to the live manifest, from its paths to blobs, and deploying them."""
