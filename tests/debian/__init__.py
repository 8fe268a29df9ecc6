"""Tests on real clusters: the Debian guest, made and started through the command line as a person would."""
