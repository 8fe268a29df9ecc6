"""What control sequences do: printing, moving, editing, modes, colours, replies.

What lives here: the screen's state, and the operations on it. What may not: parsing bytes, and how rows are stored.
"""
