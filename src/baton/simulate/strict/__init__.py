"""What the vendors refuse, one rule at a time, each in its vendor's words.

Start with `posed.py` (what a rule sees), then `checks.py` (which rules there are) and `signatures.py` (private state).
"""

from baton.simulate.strict.checks import check, check_count
from baton.simulate.strict.posed import Posed, with_names_as_text
from baton.simulate.strict.signatures import check_sealed

__all__ = ["Posed", "check", "check_count", "check_sealed", "with_names_as_text"]
