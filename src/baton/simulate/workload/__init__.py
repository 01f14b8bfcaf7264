"""Tasks without end whose truth is known by construction: `item(seed, index)` is a pure function.

Imports `types` and this room's `draw` and `conversation` only. A maker writes prompt, check, right and wrong answers.
Start with `item.py`, then any one maker, such as `analysis.py`.
"""
