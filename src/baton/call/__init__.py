"""Step 3: the only place that talks to models: transport, provider addresses and keys, faults with names.

May import `types`, `stats`, `protocol`. Start with `transport.py` (the seam), then `send.py`.
"""
