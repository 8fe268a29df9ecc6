"""What a console has printed: recordings on disk, their limits, and what they tell of a VM's earlier boots.

What lives here: finding, reading, limiting and finishing recordings, host keys that were shown, and boot history.
What may not: the parser of boots, which is `boot`, and the console's socket, which is `console`.
"""
