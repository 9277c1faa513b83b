"""The name server, measured beside NSD, Knot, PowerDNS and the first system's shape.

``python -m tests.bench dns`` writes the section; ``python -m tests.bench.dns ROW…`` prints single rows, for whoever tunes.
"""
