"""A plan as data: what is delegated, on what, under which contract, for how much. Checked before the first call."""

from typing import Literal

from msgspec import Struct

ConstraintKind = Literal["judged", "includes", "avoids", "max_words", "language", "format", "one_of"]
"""How it is checked at the end: `judged` by a model, everything else by looking."""


class Constraint(Struct, frozen=True):
    """Something that the caller wants kept in the answer; carried along until it is checked."""

    id: str
    text: str
    """In the caller's words."""
    kind: ConstraintKind = "judged"
    value: tuple[str, ...] = ()
    """What is to be included or avoided, the values to choose from, a number of words, a language, a pattern."""


class SubTask(Struct, frozen=True):
    """One step. It sees its instruction, the verified results that it needs, and the documents that it names."""

    id: str
    instruction: str
    contract: str
    """The name of a contract of the library, or of one that the caller gave."""
    needs: tuple[str, ...] = ()
    """Ids of sub-tasks whose verified results it is given; never text with places to fill in."""
    documents: tuple[str, ...] = ()
    """Names of documents that it reads: its result is tainted then."""
    keeps: tuple[str, ...] = ()
    """Ids of constraints that it must keep."""
    tools: tuple[str, ...] = ()
    """Names of tools that it may call: a part of those that the run may."""
    task_type: str = ""
    """Declared to the router; empty: that of its contract."""
    max_output: int = 1_000
    """Tokens of its answer."""


class Plan(Struct, frozen=True):
    """`answer` says how the final text is to be put together from the verified results."""

    tasks: tuple[SubTask, ...]
    answer: str = ""
    constraints: tuple[Constraint, ...] = ()


class RunLimits(Struct, frozen=True):
    """What one run may use. Money in nano-dollars; `depth` counts delegations below the orchestrator."""

    money: int
    seconds: float = 300.0
    calls: int = 60
    tokens: int = 400_000
    tasks: int = 24
    width: int = 8
    """Sub-tasks under way at once."""
    depth: int = 1
    document_bytes: int = 8 * 1024 * 1024
