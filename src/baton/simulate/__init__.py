"""One engine for every fake upstream: skill x faults x strictness, over real HTTP, with wire encoders of its own.

Imports `types` and `stats` only: it shares nothing with `protocol/`, so that errors cannot cancel out.
Start with `engine.py` (what happens to one request), then `skill.py` (who is right) and `workload/item.py` (the truth).
"""
