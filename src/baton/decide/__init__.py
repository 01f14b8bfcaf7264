"""Step 2: which model, and why. Pure: facts and a policy go in, a decision comes out; no clock, no I/O.

May import `types`, `stats`, `protocol`. Start with `policy.py`.
"""
