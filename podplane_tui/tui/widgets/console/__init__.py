"""The Console tab: a VM's recording and its live console in one terminal, and who may type into it.

What lives here: the panel, its session with the console, and what it says about both. What may not: the socket's
protocol, which is `backend.console`, and the terminal widget itself.
"""
