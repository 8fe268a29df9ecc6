"""Rows of cells: styles, widths, the grid, the scrollback, reflow and search.

What lives here: storing text with its styles, compactly, and finding it again. What may not: control sequences; they
are parsed in `parser` and carried out in `screen`.
"""
