"""The list of VMs: rows, columns, sorting, filtering, marks, and what stands there when there is none.

What lives here: the table and pure functions of the VMs shown in it. What may not: polling, and verbs.
"""
