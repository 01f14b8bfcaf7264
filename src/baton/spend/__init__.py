"""Money and limits: one tree of reservations for keys, teams, measurement and orchestrations.

May import `types`. Pure but for what other counters need: clocks are arguments. Start with `tree.py` (reserve, settle,
release), then `counters.py` (the face behind which the figures lie) and `memory.py` (one process's own).
"""
