"""`python -m podplane_tui`."""

import os
import sys

# With -m Python looks for modules in the current directory first. When this package is not from there, neither is
# anything else it imports.
if not sys.flags.safe_path and sys.path[0] != os.path.dirname(os.path.dirname(__file__)):  # noqa: PTH120
    del sys.path[0]

from podplane_tui.cli import main

main()
