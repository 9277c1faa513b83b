"""Whether everybody who is asked shows what an authority will look for: name servers, and the addresses of hosts."""
