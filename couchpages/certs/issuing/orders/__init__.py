"""How the issue of each certificate stands, as documents that every issuer counts on with; and how long to wait after failures."""
