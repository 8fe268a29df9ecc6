"""The terminal core and its widget beside their peers: ratios of one run against floors and goals.

`streams` and `programs` make what is fed, `workers` are the scripts that run in the environments of the peers,
`ingest`, `live` and `costs` measure, and `targets` says what is wanted.
"""
