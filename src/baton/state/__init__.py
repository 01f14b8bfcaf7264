"""What outlives a request and is no figure: private state of providers, answers that callers come back to.

May import `types`. Start with `keep.py`.
"""
