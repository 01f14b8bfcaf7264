"""A contract: what the result of a sub-task must satisfy, and how sure one has to be of it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

import msgspec
from msgspec import Struct, field

from baton.check.json_text import NoJson, read_json
from baton.types.question import Question
from baton.types.trust import Assurance, FalseAccepts
from baton.types.verdict import Answer, Verdict

T = TypeVar("T")

Asking = Callable[[Question], Awaitable[Answer]]
"""The answer of a model that has not seen the value. Raises BatonError where none can be had."""

UNMEASURED = FalseAccepts()


class Setting(Struct, frozen=True):
    """What a check may use besides the value; `sources` by name."""

    instruction: str = ""
    """What the value is to be the result of."""
    request: str = ""
    """What the caller has asked for, in his own words."""
    sources: Mapping[str, str] = field(default_factory=dict)
    ask: Asking | None = None
    question: Question | None = None
    """What its maker was asked, word for word."""
    others: tuple[str, ...] = ()
    """Models that can check it, the most trustworthy first; its maker is none of them."""
    rates: Mapping[str, FalseAccepts] = field(default_factory=dict)
    """By the name of the check: how often it let wrong values of this subordinate and task type through."""


class Checks(Protocol):
    """One check of a contract. `cost` orders them, cheap to dear: nano-dollars that one run is expected to cost."""

    @property
    def name(self) -> str: ...
    @property
    def assurance(self) -> Assurance: ...
    @property
    def cost(self) -> int: ...

    async def run(self, value: Any, answer: Answer, setting: Setting) -> Verdict:
        """`value` is the parsed output, `answer` the text that it was read from. Whatever it raises is a refusal."""
        ...


class Contract(Struct, Generic[T], frozen=True):
    """`output`: a type that JSON of the answer is read as, a JSON Schema, or `str` for the text as it is."""

    output: Any = str
    checks: tuple[Checks, ...] = ()
    require: Assurance = Assurance.GROUNDED
    """The least that is let through."""
    max_escaped_error: float = 1.0
    """Share 0..1 of wrong values among those let through that can be borne; held against measured bounds."""

    def read(self, text: str) -> T:
        """The value in the answer. Raises NoJson, msgspec.ValidationError, or ValueError for a wrong schema."""
        if self.output is str:
            return text  # type: ignore[return-value]
        value = read_json(text)
        if isinstance(self.output, Mapping):
            problem = _problem_of(value, self.output)
            if problem:
                raise NoJson(problem)
            return value  # type: ignore[no-any-return]
        return msgspec.convert(value, self.output, strict=True)  # type: ignore[no-any-return]

    def in_order(self) -> Sequence[Checks]:
        """From the cheapest to the dearest."""
        return sorted(self.checks, key=lambda check: check.cost)


def _problem_of(value: Any, schema: Mapping[str, Any]) -> str:
    from baton.check.verifiers.shape import first_problem

    return first_problem(value, dict(schema))
