"""Boots, read from what a serial console prints: bytes become lines, lines become stages and failures.

What lives here: pure functions and parsers that work on bytes of any origin, cut anywhere. What may not: files,
clocks, processes. Recordings are read in `recording`.
"""
