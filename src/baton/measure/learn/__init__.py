"""Learning from graded answers: read them, fit, judge against what serves now, keep versions.

Start with `lesson.py`; `graded.py` is what goes in, `train.py` what is fitted.
"""
