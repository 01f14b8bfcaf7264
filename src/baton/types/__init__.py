"""Frozen values that every room speaks in: cards, requests, decisions, outcomes, money, errors.

Imports msgspec and the standard library only; no behaviour beyond validation and arithmetic.
Start with `decision.py` (what the router answers) and `errors.py` (everything that can go wrong).
"""
