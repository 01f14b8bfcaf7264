"""How a programming exercise is described."""

import random
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias


class Bug(NamedTuple):
    """`right` stands in the solution; with `wrong` in its place the code still runs and is wrong."""

    kind: str
    right: str
    wrong: str


class Sheet(NamedTuple):
    """One exercise with its numbers filled in. `truth` is written apart from `solution`, so that a mistake shows.

    `edge_cases` make every bug fail at least one test; `draw` gives the arguments of a further one.
    """

    names: tuple[str, ...]
    parameters: str
    task: str
    solution: str
    truth: Callable[..., Any]
    edge_cases: tuple[tuple[Any, ...], ...]
    draw: Callable[[], tuple[Any, ...]]
    bugs: tuple[Bug, ...]


Arguments: TypeAlias = tuple[Any, ...]
Exercise = Callable[[random.Random], Sheet]
