"""What an untrusted image, server, guest or directory could do, tried on the real program."""
