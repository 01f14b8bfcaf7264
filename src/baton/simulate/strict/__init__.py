"""What the vendors refuse, one rule at a time, each in its vendor's words. Start with `posed.py`."""

from baton.simulate.strict.checks import check, check_sealed
from baton.simulate.strict.posed import Posed

__all__ = ["Posed", "check", "check_sealed"]
