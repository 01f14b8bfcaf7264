"""One figure of the running process, for whoever renders metrics."""

from typing import Literal

from msgspec import Struct


class Sample(Struct, frozen=True):
    """`name` as Prometheus writes it, without `_total`; `labels` in a fixed order per name."""

    name: str
    kind: Literal["gauge", "counter"]
    text: str
    """What the figure says, in one sentence."""
    labels: tuple[tuple[str, str], ...]
    value: float
