"""Who a conversation is written for: a card and its provider -> the `Target` of the render.

Of what is odd, the nearest word holds: what the config says of the model, then of the provider; then what is known of
the model's family, then of the kind of provider; at last the dialect's own default.
"""

from baton.call.providers.families import family_quirks
from baton.call.providers.registry import kind_of
from baton.protocol.private import model_family
from baton.types.card import Dialect, ModelCard, Provider
from baton.types.handoff import Target
from baton.types.quirks import Quirks


def target_for(card: ModelCard, provider: Provider, dialect: Dialect, stated: Quirks | None = None) -> Target:
    """`stated` is what the config says of the model (`Config.quirks`). The origin is left open."""
    quirks = quirks_of(card, provider, dialect, stated)
    given = {name: value for name in quirks.__struct_fields__ if (value := getattr(quirks, name)) is not None}
    return Target(
        dialect=dialect,
        model=card.upstream,
        max_output=card.max_output,
        capabilities=card.capabilities or None,
        **given,
    )


def quirks_of(card: ModelCard, provider: Provider, dialect: Dialect, stated: Quirks | None = None) -> Quirks:
    known = family_quirks(model_family(card.upstream), dialect).over(kind_of(provider.kind).quirks)
    if known.efforts is None and card.capabilities and "reasoning" not in card.capabilities:
        known = Quirks(efforts=()).over(known)
    return known if stated is None else stated.over(known)
