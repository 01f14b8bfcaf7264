"""Baton sends every task to the cheapest model that is good enough, and proves it.

Public names are loaded at first use (PEP 562), so that `import baton` stays cheap.
Start reading at `flow/request.py`: one request, on one screen.
"""
