"""Whether a simulated model reasons before it answers, and what it hands out of that: text, a seal, or tokens alone."""

from typing import NamedTuple

import msgspec

from baton.simulate.answer import Ask, SimAnswer, SimModel, Thought
from baton.simulate.draw import label
from baton.simulate.seal import Owner, seal
from baton.simulate.tokens import count
from baton.types.money import Usage

SEALING = frozenset({"anthropic", "openai-responses", "gemini"})


class Forced(NamedTuple):
    """What a request's `x-sim-thinking` and `x-sim-redacted` say; None leaves it to the model and the request."""

    thinking: bool | None = None
    redacted: bool = False


def reasoned(answer: SimAnswer, ask: Ask, model: SimModel, owner: Owner, forced: Forced) -> SimAnswer:
    """The answer with the reasoning before it, where there is any."""
    if not _thinks(ask, model, owner, forced):
        return answer
    full = f"Turn {len(ask.conversation.turns)}: {model.id} weighs case {label(8, model.id, ask.nonce)} first."
    text = full if ask.show_thoughts else ""
    if owner.dialect == "openai-chat" and "tells_reasoning" not in model.traits:
        text = ""
    private = seal(owner, ask.conversation.turns, text) if owner.dialect in SEALING else ""
    redacted = forced.redacted and owner.dialect == "anthropic"
    return msgspec.structs.replace(
        answer, thought=Thought(text, private, redacted), usage=_with_reasoning(answer.usage, count(full), ask)
    )


def _thinks(ask: Ask, model: SimModel, owner: Owner, forced: Forced) -> bool:
    if forced.thinking is not None:
        return forced.thinking
    if owner.dialect == "gemini" and "signs_calls" in model.traits:
        return True
    return model.thinking if ask.thinking is None else ask.thinking


def _with_reasoning(used: Usage, tokens: int, ask: Ask) -> Usage:
    """Reasoning counts as output, and the caller's limit holds for both together."""
    if ask.max_output is not None:
        tokens = min(tokens, max(0, ask.max_output - used.output))
    return msgspec.structs.replace(used, output=used.output + tokens, reasoning=used.reasoning + tokens)
