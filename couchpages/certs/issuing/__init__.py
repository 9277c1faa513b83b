"""Certificates that issue and renew themselves (pure but for what its modules say)."""
