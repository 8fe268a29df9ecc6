"""A VM's serial console as a socket: attaching to it, who may type, and what it prints as plain text.

What lives here: the client of the socket, the relay to a terminal, and the claim by which one client asks another for
the console. What may not: emulating a terminal, which is `podplane_tui.terminal`, and recordings.
"""
