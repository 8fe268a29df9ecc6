"""What can go wrong, as a table: each case runs real verbs on real processes and checks what became of all.

make faults                     all cases, and the table
python -m tests.faults          the same; arguments go to pytest
python -m tests.faults -k zombie
"""
