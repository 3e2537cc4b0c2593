"""The way of the data, from a table to a finished run.

``begin`` reads, infers, splits, encodes and writes the start of a run folder; ``go_on`` does the rest from what lies in
the folder alone: train, judge, report, seal. So a new run and a resumed one go the same way.
"""
