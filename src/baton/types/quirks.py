"""What a provider or a model takes otherwise than its dialect says: the fields of `types.handoff.Target` to be stated.

A field that is left out (None) is not stated: what is stated further away holds, at last the dialect's own default.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from baton.types.conversation import Effort

SHORTEST_ID = 37
"""Ids that do not fit are replaced by ones of this length."""

SamplingName = Literal[
    "temperature", "top_p", "top_k", "seed", "frequency_penalty", "presence_penalty", "candidates", "logprobs",
    "top_logprobs", "logit_bias",
]  # fmt: skip
"""The fields of `types.conversation.Sampling`."""


class Quirks(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a model or provider takes otherwise than its dialect says; what is given replaces what is built in."""

    max_tokens_member: Annotated[
        Literal["max_completion_tokens", "max_tokens"] | None,
        Meta(description="Member of Chat Completions for the longest answer"),
    ] = None
    system_role: Annotated[
        Literal["system", "developer"] | None, Meta(description="Role of instructions in Chat Completions")
    ] = None
    reasoning_member: Annotated[
        str | None,
        Meta(description="Member of an assistant message in which its own reasoning goes back: reasoning_content"),
    ] = None
    tool_id_length: Annotated[
        Annotated[int, Meta(ge=SHORTEST_ID, le=256)] | None, Meta(description="Most characters of a tool call's id")
    ] = None
    stop_limit: Annotated[
        Annotated[int, Meta(ge=0, le=1_000)] | None, Meta(description="Most stop sequences; 0: it takes none")
    ] = None
    mid_system: Annotated[
        bool | None, Meta(description="Takes system messages after the first user turn; else they are folded into one")
    ] = None
    prefill: Annotated[bool | None, Meta(description="Takes an answer that was begun for it")] = None
    sampling: Annotated[
        frozenset[SamplingName] | None, Meta(description="What of sampling it takes; empty: nothing")
    ] = None
    efforts: Annotated[
        tuple[Effort, ...] | None, Meta(description="Steps of reasoning effort it has; empty: no control")
    ] = None
    reasoning_style: Annotated[
        Literal["effort", "budget"] | None, Meta(description="Told how much to think by a step, or by tokens")
    ] = None
    flat_text: Annotated[bool | None, Meta(description="Takes text as one string only, not as parts")] = None
    cache_markers: Annotated[
        bool | None,
        Meta(description="Translate the caller's cache markers; where there are none, let the provider set its own"),
    ] = None

    def over(self, further: "Quirks") -> "Quirks":
        """What is stated here, and the rest as `further` states it."""
        stated = {name: value for name in self.__struct_fields__ if (value := getattr(self, name)) is not None}
        return replace(further, **stated)
