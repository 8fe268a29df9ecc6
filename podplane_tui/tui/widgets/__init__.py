"""Widgets: they show what they are given and post messages about what they are asked.

What lives here: what several screens use, or one screen too large without. A folder for each panel that has several
modules. What may not: calls of backend verbs, and looking for sibling widgets: attributes come down, messages go up.
"""
