"""The Details tab: figures, ports, files and arguments of a VM.

What lives here: the lines and the list that shows them. What may not: finding out any of it on the event loop.
"""
