"""What tables of several commands have in common."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Column

LONGEST = 48
"""Characters of an id that stay in one line; other columns give way first."""


def model_column(title: str, ids: Iterable[str]) -> "Column":
    """Ids are there to be copied: what does not fit is folded, never cut."""
    from rich.table import Column

    return Column(title, overflow="fold", min_width=min(LONGEST, max(map(len, ids), default=0)))
