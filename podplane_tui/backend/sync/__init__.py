"""Copies into a guest with rsync: the command, its output, what its failures mean, its log.

What lives here: everything about one copy to a given SSH server. What may not: finding the server and watching for
changes; those are `vm.access` and `vm.watch`.
"""
