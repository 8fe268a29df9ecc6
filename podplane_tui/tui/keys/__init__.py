"""Key bindings: the table of all of them, other keys by configuration, names of keys in sentences, keys typed ahead.

What lives here: the one table of bindings and what follows from it. What may not: the actions that keys stand for;
those are methods of the widget, screen or app that has the bindings.
"""
