"""Where prompts and grades come from: JSONL, Parquet, OpenAI evals, the ledger. Start with `prompt.py`, `load.py`."""
