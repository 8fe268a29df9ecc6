"""`python -m podplane_tui`."""

from podplane_tui.cli import main

main()
