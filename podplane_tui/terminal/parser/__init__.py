"""Bytes into calls of the screen: the escape parser, and fast paths for what consoles mostly print.

What lives here: tokenising, bounded for any input and exact wherever a chunk is cut. What may not: what a sequence
means; `screen` decides that.
"""
