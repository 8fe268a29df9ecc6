"""The terminal emulator core, built on pyte.

What lives here: bytes to screen rows, keys and mouse to bytes. What may not: Textual, Rich, sockets, processes.
"""
