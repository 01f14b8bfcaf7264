"""Running code of unknown origin: the best isolation that this machine offers, found by trying it.

May import the standard library and `types`. Start with `levels.py`.
"""
