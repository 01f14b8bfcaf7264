"""Statistics as pure functions: intervals, bets, guarantees, certificates, drift.

Imports numpy (where it is first needed), msgspec and the standard library's mathematics; no I/O, no clock, the random
generator is an argument. Start with `intervals.py`: no average of grades is shown without one of these; then
`betting.py` and `guarantee.py`, on which `ladder.py`, `gate.py` and `drift.py` stand.
"""
