"""Builders of the guests the tests run, and plain QEMU to prove them with.

Nothing here imports `podplane_tui`: a guest that fails to boot must point at the guest, not at the program under test.
"""
