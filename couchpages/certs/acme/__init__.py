"""Our ACME client (RFC 8555): how a certificate authority is asked for certificates. Begin at :mod:`couchpages.certs.acme.client`."""
