"""Challenges as documents, which every node answers, from the one that writes them to those that look for them."""
