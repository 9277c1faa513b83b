"""A certificate authority in memory that speaks ACME. Begin at :mod:`couchpages.testing.acme.server`."""
