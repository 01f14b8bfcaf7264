"""Ollama's own chat, `/api/chat`.

May import `types` and the shared modules of `protocol`.
Start with `request.py` (facts), then `relay.py` (usage, errors, the watch over a relayed stream). Streams are lines of
JSON, not server-sent events: `protocol.ndjson.CONTENT_TYPE`.
"""
