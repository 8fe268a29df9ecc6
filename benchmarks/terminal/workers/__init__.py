"""Scripts run in the environments of the peers: standard library only, the peer itself imported by name."""
