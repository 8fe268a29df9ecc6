"""What every other package of the backend builds on.

What lives here: errors, paths, safe file access, text made fit for display, sizes, the values that describe a VM, and
`Control`, by which a caller follows a verb. What may not: anything that knows QEMU, SSH or podplane's verbs; imports
of other packages of the project.
"""
