"""Statistics as pure functions: intervals of shares and means.

Imports numpy (when it is first needed), msgspec and the standard library's mathematics; no I/O, no clock, the random generator is an argument.
Start with `intervals.py`: no average of grades is shown without one of these.
"""
