"""List prices from the genai-prices package: read once per model, on the day the config is loaded, never per request.

The package says how far its table reaches only by its version, so that version is the date of the prices.
"""

from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import cache
from typing import Any

from msgspec import Struct

from baton.types.money import Price, price_from_usd


class Listed(Struct, frozen=True):
    price: Price
    context_window: int | None


def listed(provider: str, model: str, day: date) -> Listed | None:
    """The price of a model on a day, or None when the table has none. `provider` as genai-prices names it.

    Two simplifications, both named in `Price.source`: of prices that grow with the length of the prompt the first
    tier is taken; of prices that depend on the hour the dearest, so that a cost is never understated.
    """
    from genai_prices.data_snapshot import get_snapshot

    try:
        _, found = get_snapshot().find_provider_model(model, None, provider, None)
    except LookupError:
        return None
    by_hour = [found.get_prices(datetime.combine(day, time(hour), UTC)) for hour in range(24)]
    dearest = max(by_hour, key=lambda one: _base(one.__dict__.get("output_mtok")) or 0)
    rates = dearest.__dict__
    if _base(rates.get("input_mtok")) is None or _base(rates.get("output_mtok")) is None:
        return None
    notes = [day.isoformat()]
    if any(hasattr(rate, "tiers") for rate in rates.values()):
        notes.append("short prompts")
    if any(one != dearest for one in by_hour):
        notes.append("peak hours")
    price = price_from_usd(
        _base(rates["input_mtok"]) or 0,
        _base(rates["output_mtok"]) or 0,
        _base(rates.get("cache_read_mtok")),
        _base(rates.get("cache_write_mtok")),
        source=f"{table_version()} ({', '.join(notes)})",
    )
    return Listed(price, found.context_window)


def listed_for_any(provider: str, model: str, day: date) -> Price | None:
    """As `listed`, for models that need not answer in text: embeddings have no output.

    Where tokens of images or audio cost more than those of text the dearest is taken. None where nothing is priced in
    tokens.
    """
    from genai_prices.data_snapshot import get_snapshot

    try:
        _, found = get_snapshot().find_provider_model(model, None, provider, None)
    except LookupError:
        return None
    rates = found.get_prices(datetime.combine(day, time(), UTC)).__dict__
    inputs, outputs = (
        [_base(rates.get(f"{side}{kind}_mtok")) for kind in ("", "_image", "_audio")] for side in ("input", "output")
    )
    stated = [rate for rate in inputs if rate is not None]
    if not stated:
        return None
    output = max((rate for rate in outputs if rate is not None), default=Decimal(0))
    return price_from_usd(max(stated), output, source=f"{table_version()} ({day.isoformat()})")


@cache
def table_version() -> str:
    from importlib.metadata import version

    return f"genai-prices {version('genai-prices')}"


def _base(rate: Any) -> Decimal | None:
    """Dollars per million tokens; a tiered rate gives its first tier."""
    base = getattr(rate, "base", rate)
    return base if isinstance(base, Decimal) else None
