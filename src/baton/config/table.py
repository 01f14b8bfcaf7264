"""The models of a config as rows to print: what they cost, and where that figure comes from."""

from msgspec import Struct

from baton.config.schema import Config
from baton.types.card import Tier
from baton.types.money import usd_from_nano


class ModelRow(Struct, frozen=True):
    """Dollars per million tokens."""

    model: str
    provider: str
    tier: Tier
    context_window: int
    max_output: int
    input_usd: float
    output_usd: float
    price_source: str
    capabilities: tuple[str, ...]
    specialities: tuple[str, ...]
    simulated: bool


def model_table(config: Config) -> list[ModelRow]:
    """In the order of the config."""
    providers = config.snapshot.providers
    return [
        ModelRow(
            model=card.id,
            provider=card.provider,
            tier=card.tier,
            context_window=card.context_window,
            max_output=card.max_output,
            input_usd=usd_from_nano(card.price.input),
            output_usd=usd_from_nano(card.price.output),
            price_source=card.price.source,
            capabilities=tuple(sorted(card.capabilities)),
            specialities=tuple(sorted(card.specialities)),
            simulated=providers[card.provider].simulated,
        )
        for card in config.snapshot.cards.values()
    ]
