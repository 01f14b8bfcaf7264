"""All rules of a dialect, in the order in which its vendor comes to them."""

from baton.simulate.strict import (
    anthropic,
    anthropic_blocks,
    gemini,
    ollama,
    openai_chat,
    openai_chat_tools,
    openai_responses,
)
from baton.simulate.strict.posed import Posed, Rule, refuse
from baton.types.card import Dialect

RULES: dict[Dialect, tuple[Rule, ...]] = {
    "anthropic": (*anthropic.RULES, *anthropic_blocks.RULES, *anthropic.LAST_RULES),
    "openai-chat": (*openai_chat.RULES, *openai_chat_tools.RULES),
    "openai-responses": openai_responses.RULES,
    "gemini": gemini.RULES,
    "ollama": ollama.RULES,
}


UNLIMITED = 1_000_000


def check_count(posed: Posed) -> None:
    """A request that only counts: the same rules, without an answer to limit or to stream."""
    body = posed.body
    if posed.dialect == "anthropic":
        for name in ("max_tokens", "stream", "stop_sequences", "metadata"):
            if name in body:
                refuse(f"{name}: Extra inputs are not permitted", name)
        body = {**body, "max_tokens": UNLIMITED}
    if posed.dialect == "gemini":
        whole = next(
            (body[name] for name in ("generateContentRequest", "generate_content_request") if name in body), None
        )
        body = whole if isinstance(whole, dict) else body
    check(posed._replace(body=body))


def check(posed: Posed) -> None:
    """Raises Refused for the first rule that is broken."""
    for rule in RULES[posed.dialect]:
        rule(posed)
