"""What the public DNS says, asked from several resolvers, and what follows from it: whose a zone is, and what CAA permits."""
