"""All rules of a dialect, in the order in which its vendor comes to them."""

from collections.abc import Sequence

from baton.simulate.conversation import Turn
from baton.simulate.seal import Owner
from baton.simulate.strict.posed import Posed, Rule
from baton.types.card import Dialect

RULES: dict[Dialect, tuple[Rule, ...]] = {}


def check(posed: Posed) -> None:
    for rule in RULES.get(posed.dialect, ()):
        rule(posed)


def check_sealed(posed: Posed, turns: Sequence[Turn], owner: Owner) -> None:
    """Private state that came back."""
