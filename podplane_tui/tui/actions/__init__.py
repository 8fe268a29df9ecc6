"""A key press becomes a verb of the backend: refuse, ask, run in a thread, show as a job.

What lives here: dialogs' questions and answers put together, and the calls of the backend that they lead to. What may
not: widgets, and anything that a script could use as well; that belongs in the backend. The app is known as
`ActionHost` only.
"""
