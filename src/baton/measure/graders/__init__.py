"""Who says how good an answer is: a verifier with gold, or a judge. Start with `grader.py`, then `verified.py`."""
