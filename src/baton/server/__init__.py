"""The gateway: a bare ASGI callable on the hot path, and Baton's own endpoints beside it.

Reaches the middle rooms only through `flow` (and `record` for queries). Start with `app.py`.
"""
