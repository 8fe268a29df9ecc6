"""The terminal core and its widget beside their peers: ratios of one run against floors and goals.

`streams` and `programs` make what is fed, `peers` the environments of the others, `workers` are the scripts that run in
those environments. `ingest`, `live`, `strips` and `memory` measure, `targets` judges, `report` prints and writes.
"""
