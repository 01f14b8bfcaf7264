"""Private state that came back: refused unless this vendor made it, for this account and model, after these turns."""

from collections.abc import Sequence
from typing import NoReturn

from baton.simulate.conversation import Sealed, Turn
from baton.simulate.seal import Breach, Owner, breach
from baton.simulate.strict.posed import refuse
from baton.types.card import Dialect

SKIPS_VALIDATION = frozenset({
    "skip_thought_signature_validator", "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=",
    "context_engineering_is_the_way_to_go", "Y29udGV4dF9lbmdpbmVlcmluZ19pc190aGVfd2F5X3RvX2dv",
})  # fmt: skip
"""What Google documents for calls that its model has not made: these words, or their base64."""

_WHY: dict[Breach, str] = {
    "unreadable": "it was not made by this vendor, or it was altered",
    "account": "it belongs to another organization",
    "model": "it was made by another model",
    "prefix": "the conversation before it has changed",
    "text": "its thinking was changed",
}


def check_sealed(turns: Sequence[Turn], owner: Owner) -> None:
    for place, turn in enumerate(turns):
        for given in turn.sealed:
            if owner.dialect == "gemini" and given.value in SKIPS_VALIDATION:
                continue
            found = breach(owner, turns, place, given)
            if found is not None:
                _refused(owner.dialect, given, found)


def _refused(dialect: Dialect, given: Sealed, found: Breach) -> NoReturn:
    why = _WHY[found]
    if dialect == "anthropic" and given.text is None:
        refuse(f"{given.at}: Invalid `data` in `redacted_thinking` block ({why})", "messages")
    if dialect == "anthropic":
        refuse(f"{given.at}: Invalid `signature` in `thinking` block ({why})", "messages")
    if dialect == "gemini":
        refuse(f"Corrupted thought signature. ({given.at}: {why})")
    shown = given.value[:12]
    told = f"The encrypted content {shown}... could not be verified. Reason: {why} ({given.at})."
    refuse(told, "input", "invalid_encrypted_content")
