"""Keeping certificates true: what alarms, who is demoted, and how a model comes back.

May import what `measure` may. Start with `machine.py`: pure, over events with their clock; `runner.py` feeds it.
"""
