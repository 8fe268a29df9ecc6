"""Screens and dialogs: each composes widgets and gives its answer when it is dismissed.

What lives here: the layout of a screen, its actions, and the checks of a form's fields. What may not: work that takes
time: it is done in threads that `actions` starts.
"""
