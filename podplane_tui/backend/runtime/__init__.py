"""What exists while a VM runs: lock, PID file, state file with its ports, sockets, podplane's local server.

What lives here: reading and writing these files as podplane does, and finding what a QEMU that is gone has left
behind. What may not: decisions about what to start, stop or delete; those are in `vm`.
"""
