"""Where a terminal widget's bytes come from and go to: recordings, sockets, pseudo-terminals, SSH channels.

What lives here: sources and sinks, each with one interface; every source has a reader of its own that always drains.
What may not: painting and emulating.
"""
