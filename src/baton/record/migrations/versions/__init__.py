"""One file per change of the tables, oldest first; a file that was released is never edited again.

Imports Alembic and SQLAlchemy only: a migration stands still while `schema.py` moves on.
Start with the highest number; `schema.HEAD` names it.
"""
