"""From `baton.yaml` and the environment to one frozen `Config`: reading, checking, built-in cards, prices.

May import `types`, `decide` and `protocol`; YAML and the price table are imported at first use.
Start with `load.py` (the whole way on one page), then `shape.py` (what a file may say).
"""
