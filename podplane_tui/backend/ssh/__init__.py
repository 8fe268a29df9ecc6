"""OpenSSH and paramiko: the key pair, known host keys, commands and shells over one connection.

What lives here: everything that opens a connection to an SSH server, and the options that keep the user's own
configuration out of it. What may not: where a VM's server is: `vm.endpoint` knows that. Rsync is in `sync`.
"""
