"""What is odd about the models of a family, wherever they are hosted: rows of a table, the first that matches holds.

Names are those of `protocol.private.model_family`: lower case, without provider, date and variant.
"""

import re

from msgspec import Struct

from baton.types.card import Dialect
from baton.types.conversation import Effort
from baton.types.quirks import Quirks, SamplingName

LOW_TO_HIGH: tuple[Effort, ...] = ("low", "medium", "high")
LOW_TO_MAX: tuple[Effort, ...] = ("low", "medium", "high", "xhigh", "max")
OF_OLD_CLAUDE: frozenset[SamplingName] = frozenset({"temperature", "top_p", "top_k"})
OF_REASONING_GPT: frozenset[SamplingName] = frozenset({"seed", "candidates"})
OF_MISTRAL: frozenset[SamplingName] = frozenset(
    {"temperature", "top_p", "frequency_penalty", "presence_penalty", "candidates"}
)
OF_GROK: frozenset[SamplingName] = frozenset({"temperature", "top_p", "seed", "candidates", "logprobs", "top_logprobs"})


class Family(Struct, frozen=True):
    name: re.Pattern[str]
    quirks: Quirks
    dialect: Dialect | None = None
    """Holds in this dialect alone; further rows are looked at as well."""


def _family(pattern: str, quirks: Quirks, dialect: Dialect | None = None) -> Family:
    return Family(re.compile(pattern), quirks, dialect)


_THINKS_BY_BUDGET = Quirks(
    sampling=OF_OLD_CLAUDE, prefill=True, mid_system=False, reasoning_style="budget", efforts=("minimal", *LOW_TO_HIGH)
)
_REASONING_GPT = Quirks(max_tokens_member="max_completion_tokens", sampling=OF_REASONING_GPT, stop_limit=0)

FAMILIES: tuple[Family, ...] = (
    # Claude. The newest take neither sampling nor a begun answer, and a system message in the middle.
    _family(r"^claude-3[.-]7|^claude-(opus|sonnet)-4([.-][01])?$|^claude-(sonnet|haiku)-4[.-]5", _THINKS_BY_BUDGET),
    _family(r"^claude-(3|2|instant)", Quirks(sampling=OF_OLD_CLAUDE, prefill=True, mid_system=False, efforts=())),
    _family(
        r"^claude-opus-4[.-]5",
        Quirks(sampling=OF_OLD_CLAUDE, prefill=True, mid_system=False, reasoning_style="budget", efforts=LOW_TO_HIGH),
    ),
    _family(
        r"^claude-(opus|sonnet)-4[.-]6",
        Quirks(sampling=OF_OLD_CLAUDE, prefill=False, mid_system=False, efforts=("low", "medium", "high", "max")),
    ),
    _family(
        r"^claude-(opus|sonnet)-4[.-][7-9]",
        Quirks(sampling=frozenset(), prefill=False, mid_system=False, efforts=LOW_TO_MAX),
    ),
    _family(r"^claude-", Quirks(sampling=frozenset(), prefill=False, mid_system=True, efforts=LOW_TO_MAX)),
    # GPT. Reasoning models take neither sampling nor stop sequences, and have their own member for the maximum.
    _family(r"^gpt-[56][\d.]*-chat", Quirks(max_tokens_member="max_completion_tokens", efforts=())),
    _family(r"^gpt-5(-|$)", Quirks(efforts=("minimal", *LOW_TO_HIGH)).over(_REASONING_GPT)),
    _family(r"^gpt-5\.1", Quirks(efforts=("none", *LOW_TO_HIGH)).over(_REASONING_GPT)),
    _family(r"^gpt-5\.", Quirks(efforts=("none", *LOW_TO_HIGH, "xhigh")).over(_REASONING_GPT)),
    _family(r"^gpt-[6-9]", Quirks(efforts=("none", *LOW_TO_MAX)).over(_REASONING_GPT)),
    _family(r"^o[134](-|$)", Quirks(efforts=LOW_TO_HIGH).over(_REASONING_GPT)),
    _family(r"^gpt-oss", Quirks(efforts=LOW_TO_HIGH)),
    _family(r"^gpt-[34]", Quirks(efforts=())),
    # Gemini. Up to 2.5 a budget of tokens, then a level.
    _family(r"^gemini-2\.5", Quirks(mid_system=False, reasoning_style="budget"), "gemini"),
    _family(r"^gemini-(1|2\.0)", Quirks(mid_system=False, efforts=()), "gemini"),
    _family(r"^gemini-3(\.\d)?-pro", Quirks(mid_system=False, efforts=LOW_TO_HIGH), "gemini"),
    _family(r"^gemini-", Quirks(mid_system=False, efforts=("minimal", *LOW_TO_HIGH)), "gemini"),
    _family(r"^gemini-", Quirks(efforts=("none", *LOW_TO_HIGH))),
    # Others, over Chat Completions.
    _family(r"^deepseek-(r|reasoner|v[3-9]|chat)", Quirks(reasoning_member="reasoning_content")),
    _family(r"^(kimi|glm|minimax|qwq)", Quirks(reasoning_member="reasoning_content")),
    _family(r"^(mistral|ministral|codestral|magistral|pixtral|devstral)", Quirks(sampling=OF_MISTRAL)),
    _family(r"^grok-(4|code)", Quirks(sampling=OF_GROK, stop_limit=0)),
)


def family_quirks(family: str, dialect: Dialect) -> Quirks:
    """Empty for a model of which nothing is known."""
    for row in FAMILIES:
        if row.dialect in {None, dialect} and row.name.search(family):
            return row.quirks
    return Quirks()
