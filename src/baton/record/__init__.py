"""The ledger: what became of every request, written in batches, and every figure that is read back from it.

May import `baton.types`, `baton.stats` and `baton.protocol`; SQLAlchemy and Alembic live here and nowhere else.
Start with `ledger.py` (put, grade, flush, close), then `schema.py` (what a row means), then `queries.py`.
"""
