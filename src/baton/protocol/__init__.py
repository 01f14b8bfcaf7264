"""Steps 1 and 5: wire bytes <-> values, one package per dialect. Pure: no I/O, no clock.

May import `types` and `stats`. Start with `request.py` (a request, read as little as routing needs)
and `voice.py` (errors and the watch over an answer, in the caller's dialect).
"""
