"""What is set aside for a request before it is sent: input with a margin, output by the caller's limit or a guess."""

from math import ceil

from msgspec import Struct

from baton.types.money import Price, Usage


class Asked(Struct, frozen=True, gc=False):
    """`max_output` is None where the caller sets no limit; `ceiling` is what the model can write at most."""

    price: Price
    input_tokens: int
    """As expected, without a margin."""
    max_output: int | None
    expected_output: int
    ceiling: int | None = None


class Estimate(Struct, frozen=True, gc=False):
    amount: int
    """Nano-dollars."""
    input_tokens: int
    output_tokens: int
    open_ended: bool
    """The answer may grow beyond `output_tokens`: only a guess holds it."""

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens


def estimate(asked: Asked, input_margin: float, output_factor: float) -> Estimate:
    """At the rates of no cache, or of writing it where that is dearer."""
    read = ceil(asked.input_tokens * input_margin)
    written, ceiling = asked.max_output, asked.ceiling
    open_ended = False
    if written is None:
        written = ceil(asked.expected_output * output_factor)
        open_ended = ceiling is None or written < ceiling
    if ceiling is not None:
        written = min(written, ceiling)
    return Estimate(cost_at_most(asked.price, read, written), read, written, open_ended)


def cost_at_most(price: Price, input_tokens: int, output_tokens: int) -> int:
    dearer = price.cache_write is not None and price.cache_write > price.input
    usage = Usage(input=input_tokens, output=output_tokens, cache_write=input_tokens if dearer else 0)
    return price.cost(usage)
