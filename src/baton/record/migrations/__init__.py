"""Alembic's folder: `env.py` runs the migrations of `versions/` on a connection that the caller hands over.

Imported by Alembic alone, and only when a ledger is older than `schema.HEAD`.
Start with the newest file in `versions/`; a test holds migrations and `schema.py` together.
"""
