"""Checks as data, and what a verifier says. A workload, a contract and a grader describe checks in these words."""

from typing import Any

from msgspec import Struct, field


class Span(Struct, frozen=True):
    """Where something that was said stands: `start` and `end` are characters of the source."""

    path: str
    source: str
    start: int
    end: int


class Verdict(Struct, frozen=True):
    """What one verifier found. `score` is 0..1; `passed` is its own decision, not a threshold of the score.

    `level` records how a check was run where that matters (the sandbox of `executes`); a check that could not run
    has `passed` False, `score` 0.0 and `ran` False: it fails closed, and is told apart from a wrong answer.
    """

    verifier: str
    passed: bool
    score: float
    reason: str
    level: str = ""
    ran: bool = True
    spans: tuple[Span, ...] = ()
    """Where what was said stands in the sources, as far as the verifier looked it up."""


class Shape(Struct, frozen=True, tag="shape"):
    """The answer holds JSON (bare, or in one fenced block) that satisfies this JSON Schema (draft 2020-12)."""

    schema: dict[str, Any]


class Exact(Struct, frozen=True, tag="exact"):
    """The answer equals one of `gold`: after Unicode NFKC, case folding, and trimming of space and end punctuation.

    `verbatim` compares the text as it is. `search_last_line` compares the last non-empty line only.
    """

    gold: tuple[str, ...]
    verbatim: bool = False
    last_line: bool = False


class Numeric(Struct, frozen=True, tag="numeric"):
    """The final number of the answer equals `gold` within a tolerance, in `unit` where one is given.

    Known units of one kind are converted (km to m, minutes to seconds); a number in an unknown unit is refused.
    """

    gold: float
    rel_tol: float = 1e-6
    abs_tol: float = 1e-9
    unit: str | None = None


class Fields(Struct, frozen=True, tag="fields"):
    """Field-level F1 of a JSON object against `gold` (nested paths count as fields); passes at `threshold`."""

    gold: dict[str, Any]
    threshold: float = 1.0


class Format(Struct, frozen=True, tag="format"):
    """Constraints on the text that need no understanding. Every one that is set must hold; score = share that holds."""

    min_words: int | None = None
    max_words: int | None = None
    max_chars: int | None = None
    lines: int | None = None
    bullets: int | None = None
    must_include: tuple[str, ...] = ()
    must_avoid: tuple[str, ...] = ()
    starts_with: str | None = None
    ends_with: str | None = None
    pattern: str | None = None
    """Regular expression that the whole trimmed text must match."""


class Executes(Struct, frozen=True, tag="executes"):
    """The code of the answer (bare, or its fenced blocks) passes `tests`, run in the sandbox. Python only.

    `tests` are statements that raise AssertionError on failure; score = share of tests that pass.
    """

    tests: tuple[str, ...]
    timeout_s: float = 5.0
    memory_mib: int = 256


class ToolCalled(Struct, frozen=True, tag="tool_called"):
    """The answer calls exactly this tool; arguments are compared as `fields` are."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)


Check = Shape | Exact | Numeric | Fields | Format | Executes | ToolCalled


class ToolCall(Struct, frozen=True):
    """A tool call of an answer. `arguments` is the raw JSON text, as the model wrote it."""

    name: str
    arguments: str


class Answer(Struct, frozen=True):
    """What is checked: the visible text of an answer, and its tool calls."""

    text: str
    tool_calls: tuple[ToolCall, ...] = ()
