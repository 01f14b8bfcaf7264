"""The wing that measures: datasets, graders, baseline -> ladder -> certificates, and `policy.lock`.

May import everything below `gauntlet`; asks models only through the callable that `flow/measurement.py` makes.
Start with `datasets/prompt.py`, then `examiner.py` (prompt + model -> grade), `baseline.py`, `ladder.py`, `lock.py`.
"""
