"""Side-by-side measurements. Nothing here is imported by the program."""
