"""The admin API under `/v1/baton/`: keys, spend, the audit log, and the document that describes it.

Starlette, loaded with the first request that needs it. Start with `routes.py`, then `book.py`, which the command line
uses as well.
"""
