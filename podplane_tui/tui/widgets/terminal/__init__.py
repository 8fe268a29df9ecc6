"""The terminal widget: shows `podplane_tui.terminal` in Textual, line by line, and sends keys to it.

What lives here: painting, scrolling, selecting, searching. What may not: what is shown in it: a stream gives it
bytes.
"""
