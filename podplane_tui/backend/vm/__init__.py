"""VMs: one module for each verb, `Cluster` as the facade over them, `Inventory` for all VMs at once.

What lives here: what is done to a VM and how its state is decided. Verbs take a `Context`, hold the VM's lock, and
raise `VMError`. What may not: questions to the user, text for a screen, and podplane's own command line, which is
`podplane`.
"""
