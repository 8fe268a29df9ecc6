"""A terminal dashboard for the QEMU virtual machines of local Podplane clusters.

`podplane_tui.backend` manages the machines and can be used from a script, `podplane_tui.terminal` is the terminal
emulator core, `podplane_tui.tui` the dashboard and `podplane_tui.cli` the command line.
"""

__version__ = "0.1.0"
