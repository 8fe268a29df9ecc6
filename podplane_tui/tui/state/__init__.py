"""What the dashboard remembers while it runs: events, jobs, and the figures of the last minutes.

What lives here: frozen values and the functions that make new ones from old ones. What may not: widgets, files, and
the state of VMs, which is polled and never guessed.
"""
