"""Public test doubles for programs that use Baton: an upstream that answers byte for byte what a test says.

May import `types` and `simulate`. Start with `upstream.py`.
"""
