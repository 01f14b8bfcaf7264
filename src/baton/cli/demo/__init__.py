"""`baton demo`: a simulated fleet, the real gateway, a real workload through the official SDKs, graded by program.

Start with `command.py`; then `jobs.py` (what), `drive.py` (how), `stage.py` (where), `summary.py` (figures).
"""
