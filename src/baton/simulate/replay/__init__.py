"""Recorded answers of real models, played again: a Parquet file of (prompt, model, correct, ...) behind the same wire.

Imports `types` and this room only; pyarrow is imported when a file is read (`batonpass[data]`).
Start with `fleet.py` (`load_replay`), then `table.py` (what a file may hold).
"""
