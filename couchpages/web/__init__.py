"""The HTTP edge that features stand on: requests and responses as values, bodies that stream, routes, problems."""
