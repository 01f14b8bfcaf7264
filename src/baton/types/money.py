"""Money in integer nano-dollars, prices in nano-dollars per million tokens: sums are exact and never drift."""

from decimal import ROUND_HALF_EVEN, Decimal

from msgspec import Struct

NANO_PER_USD = 1_000_000_000
TOKENS_PER_PRICE = 1_000_000


def nano_from_usd(amount: Decimal | float | str) -> int:
    """Round to the nearest nano-dollar. Floats go through their shortest decimal text, so 0.1 is exactly 0.1."""
    exact = amount if isinstance(amount, Decimal) else Decimal(str(amount))
    return int((exact * NANO_PER_USD).to_integral_value(ROUND_HALF_EVEN))


def usd_from_nano(nano: int) -> float:
    return nano / NANO_PER_USD


def usd_text(nano: int) -> str:
    """Plain decimal dollars without exponent and without trailing zeros: `"0.000125"`."""
    whole, rest = divmod(abs(nano), NANO_PER_USD)
    sign = "-" if nano < 0 else ""
    return f"{sign}{whole}.{rest:09d}".rstrip("0") if rest else f"{sign}{whole}"


class Usage(Struct, frozen=True, gc=False):
    """Tokens of one call, in one arithmetic for all vendors.

    `input` includes what was read from and written to a prompt cache; `output` includes reasoning.
    (Anthropic reports input without its cached part, Gemini output without its thoughts: both are added on reading.)
    """

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.input + other.input,
            self.output + other.output,
            self.cache_read + other.cache_read,
            self.cache_write + other.cache_write,
            self.reasoning + other.reasoning,
        )


class Price(Struct, frozen=True, gc=False):
    """Nano-dollars per million tokens; a cache rate that is None costs what plain input costs."""

    input: int
    output: int
    cache_read: int | None = None
    cache_write: int | None = None
    source: str = "config"
    """Where the figures come from: `config`, or `genai-prices 0.2.3`."""

    def cost(self, usage: Usage) -> int:
        """Nano-dollars of `usage`, rounded half up once, at the end."""
        read = self.input if self.cache_read is None else self.cache_read
        write = self.input if self.cache_write is None else self.cache_write
        plain = usage.input - usage.cache_read - usage.cache_write
        total = plain * self.input + usage.cache_read * read + usage.cache_write * write + usage.output * self.output
        return (total + TOKENS_PER_PRICE // 2) // TOKENS_PER_PRICE

    def plain(self, input_tokens: int, output_tokens: int) -> int:
        """The same without any cache."""
        total = input_tokens * self.input + output_tokens * self.output
        return (total + TOKENS_PER_PRICE // 2) // TOKENS_PER_PRICE


def price_from_usd(
    input_usd: Decimal | float | str,
    output_usd: Decimal | float | str,
    cache_read_usd: Decimal | float | str | None = None,
    cache_write_usd: Decimal | float | str | None = None,
    source: str = "config",
) -> Price:
    """Build a price from list prices in dollars per million tokens, as vendors print them."""
    return Price(
        nano_from_usd(input_usd),
        nano_from_usd(output_usd),
        None if cache_read_usd is None else nano_from_usd(cache_read_usd),
        None if cache_write_usd is None else nano_from_usd(cache_write_usd),
        source,
    )
