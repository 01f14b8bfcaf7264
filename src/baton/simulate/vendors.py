"""One simulated model for each way in which vendors differ: what the new ones refuse, sign, and want back."""

from baton.simulate.answer import SimModel, Trait
from baton.types.card import Capability
from baton.types.money import price_from_usd

_PRICE = price_from_usd("1", "5", "0.1", "1.25", source="simulated")
_ALL: frozenset[Capability] = frozenset({"tools", "structured_output", "image", "pdf", "reasoning"})


def _model(name: str, *traits: Trait, thinking: bool = False, family: str = "", plain: bool = False) -> SimModel:
    return SimModel(
        id=name,
        tier="mid",
        price=_PRICE,
        context_window=200_000,
        max_output=128_000,
        capabilities=_ALL - {"reasoning"} if plain else _ALL,
        thinking=thinking,
        traits=frozenset(traits),
        family=family,
    )


VENDOR_MODELS = (
    _model("sim-claude", "refuses_sampling", "refuses_prefill", family="claude-new"),
    _model("sim-claude-next", "refuses_sampling", "refuses_prefill", family="claude-next"),
    _model("sim-claude-old", "refuses_inner_system", family="claude-old"),
    _model("sim-gpt", "refuses_sampling", "refuses_stop", "refuses_max_tokens", thinking=True, family="gpt-5"),
    _model("sim-gpt-plain", plain=True),
    _model("sim-gemini", "signs_calls", thinking=True, family="gemini-3"),
    _model("sim-gemini-old", family="gemini-2"),
    _model("sim-deepseek", "refuses_developer", "tells_reasoning", "needs_reasoning", thinking=True),
    _model("sim-llama"),
)
"""Every one of them is served in every dialect; the name says whose rules its traits follow."""
