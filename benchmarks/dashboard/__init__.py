"""The dashboard, the command line and the inventory beside the least that anything like them has to do."""
