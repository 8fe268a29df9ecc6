"""QEMU as a program: its arguments, its process, its control socket, its end.

What lives here: argument vectors both ways, proof of a process's identity, QMP, the steps of a stop, and what a
QEMU's own words mean. What may not: files of a VM, locks and ports; those are in `runtime`, and verbs are in `vm`.
"""
