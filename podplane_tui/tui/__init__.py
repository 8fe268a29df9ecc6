"""The dashboard.

What lives here: everything that imports Textual. What may not: what a script could use as well, which belongs in the
backend.
"""

import os

# Textual, which reads this once, paints at these moments only, and after a frame leaves one out. At 60 a second, a key
# behind a frame of a console that floods waits for up to 33 ms. Nothing is painted more often for it: consoles have a
# rate of their own.
os.environ.setdefault("TEXTUAL_FPS", "120")
