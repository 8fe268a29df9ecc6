"""The computer that VMs run on, as the system describes it.

What lives here: which CPU, accelerator, programs and firmware there are, which processes run, and who listens on
which port. What may not: whether a process is a VM's: `qemu.process` and `vm` decide that.
"""
