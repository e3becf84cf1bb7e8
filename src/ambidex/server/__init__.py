"""Answers requests: HTTP over an event loop, strict about what comes in, with none of the libraries that train."""

from ambidex.server.serve import serve

__all__ = ["serve"]
