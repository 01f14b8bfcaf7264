"""An orchestrator model plans, delegates, verifies and answers; nothing unverified reaches the answer.

Way of a run: `plan.py` (data, refused before the first call) - `graph.py` (what may run when) - `delegate.py` (one
sub-task: ask, admit, escalate) - `compose.py` (the final text, traced part by part) - `journal.py` (every step, to
resume from and to show). Start with `run.py`.
"""
