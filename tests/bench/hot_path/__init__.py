"""The issue "As fast as nginx: the hot path", measured beside nginx, Caddy and the first system's shape.

``python -m tests.bench hot-path`` writes the section; ``python -m tests.bench.hot_path ROW…`` prints single rows, for whoever tunes.
"""
