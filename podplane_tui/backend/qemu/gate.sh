# A process that waits to become the program in its arguments. Standard error is a pipe: at a line from it the program
# begins, with its errors where its output goes; at its end nothing does. See gate.py.
read -r line <&2 && exec "$@" 2>&1
