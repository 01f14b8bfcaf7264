"""Step 4: does an answer hold? Verifiers that need no model, one small function each, and the sandbox for code.

May import `types`, `stats`, `protocol`. Start with `verify.py`.
"""
