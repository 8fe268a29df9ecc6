"""The dashboard: everything that imports Textual lives here and nowhere else."""
