"""An HTTP answer as a plan: which bytes, in which framing, at which pace, and how it ends. The socket follows it."""

from typing import Literal

from msgspec import Struct

Framing = Literal["length", "chunked", "close"]
"""How the end of the body is known: Content-Length, chunks, or the end of the connection."""

End = Literal["complete", "cut", "reset"]
"""`cut`: the connection closes (FIN) where the plan ends, without the end of its framing. `reset`: it is reset."""

HOLD_S = 3_600.0


class Delivery(Struct, frozen=True):
    """`pieces` are written one after the other, `gap_s` apart; `length` is what Content-Length claims."""

    status: int
    headers: tuple[tuple[str, str], ...]
    pieces: tuple[bytes, ...]
    framing: Framing = "length"
    first_s: float = 0.0
    """Silence before the status line."""
    gap_s: float = 0.0
    end: End = "complete"
    length: int | None = None
    """Defaults to the size of the pieces."""
    hold_s: float = 0.0
    """Silence after the last piece; what comes after it are `rest` and the end."""
    rest: tuple[bytes, ...] = ()

    @property
    def size(self) -> int:
        return sum(map(len, self.pieces))
