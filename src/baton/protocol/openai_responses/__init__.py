"""OpenAI Responses.

May import `types` and the shared modules of `protocol`.
Start with `request.py` (facts), then `relay.py` (usage, errors, the watch over a relayed stream).
"""
