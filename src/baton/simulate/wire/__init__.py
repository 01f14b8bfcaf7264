"""The vendors' grammars as their servers speak them, written from knowledge of their APIs. Pure: bytes in, bytes out.

Imports `types` and this package only; shares nothing with `protocol/`, whose errors it is there to find.
Start with `grammar.py` (what a dialect has to offer), then `openai_chat.py`.
"""
