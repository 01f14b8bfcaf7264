"""Whether a request may reach a model of its own dialect as the bytes that it is, told from a look at its members.

Erring on the side of `needs rendering` costs a millisecond and changes nothing that the model takes.
"""

from collections.abc import Callable, Mapping

from msgspec import Raw

from baton.types.card import Dialect
from baton.types.handoff import Target
from baton.types.request import Request

SAMPLING: dict[Dialect, Mapping[str, str]] = {
    "openai-chat": {
        "temperature": "temperature", "top_p": "top_p", "top_k": "top_k", "seed": "seed",
        "frequency_penalty": "frequency_penalty", "presence_penalty": "presence_penalty", "n": "candidates",
        "logprobs": "logprobs", "top_logprobs": "top_logprobs", "logit_bias": "logit_bias",
    },
    "openai-responses": {"temperature": "temperature", "top_p": "top_p", "top_logprobs": "top_logprobs"},
    "anthropic": {"temperature": "temperature", "top_p": "top_p", "top_k": "top_k"},
}  # fmt: skip
"""Top-level member -> field of `Sampling`."""
REASONING: dict[Dialect, tuple[str, ...]] = {
    "openai-chat": ("reasoning_effort",),
    "openai-responses": ("reasoning",),
    "anthropic": ("thinking", "output_config"),
    "gemini": ("generationConfig", "generation_config"),
}
CONVERSATION: dict[Dialect, str] = {
    "openai-chat": "messages",
    "openai-responses": "input",
    "anthropic": "messages",
    "gemini": "contents",
    "ollama": "messages",
}
LIMITS = ("max_tokens", "max_completion_tokens")


def needs_rendering(request: Request, target: Target) -> bool:
    for unfit in REASONS:  # noqa: SIM110 - this is asked of every request, and twice as fast as `any`
        if unfit(request, target):
            return True
    return False


def _limit(request: Request, target: Target) -> bool:
    given = request.facts.max_output
    if given is not None and target.max_output is not None and given > target.max_output:
        return True
    if request.dialect == "anthropic":
        return given is None
    named = target.max_tokens_member
    return (
        request.dialect == "openai-chat"
        and named is not None
        and any(member in request.members for member in LIMITS if member != named)
    )


def _sampling(request: Request, target: Target) -> bool:
    taken = target.sampling
    if taken is None:
        return False
    if request.dialect == "gemini":
        return any(member in request.members for member in REASONING["gemini"])
    known = SAMPLING.get(request.dialect, {})
    return any(field not in taken and member in request.members for member, field in known.items())


def _reasoning(request: Request, target: Target) -> bool:
    return target.efforts is not None and any(
        member in request.members for member in REASONING.get(request.dialect, ())
    )


def _reasoning_back(request: Request, target: Target) -> bool:
    """Reasoning of an earlier answer that a chat server wants under another name, or not at all."""
    if request.dialect != "openai-chat" or target.reasoning_member is None:
        return False
    turns = _turns(request)
    return target.reasoning_member == "" and b'"reasoning' in turns


def _system(request: Request, target: Target) -> bool:
    turns = _turns(request)
    if target.system_role is not None:
        other = b'"developer"' if target.system_role == "system" else b'"system"'
        if other in turns:
            return True
    return not target.mid_system and turns.count(b'"system"') > (request.dialect == "openai-chat")


def _shape(request: Request, target: Target) -> bool:
    if target.flat_text and b"[" in _turns(request)[1:]:
        return True
    if target.tool_id_length is not None and b'"tool_call' in _turns(request):
        return True
    return target.stop_limit is not None and "stop" in request.members


def _turns(request: Request) -> bytes:
    return bytes(request.members.get(CONVERSATION[request.dialect], Raw(b"")))


REASONS: tuple[Callable[[Request, Target], bool], ...] = (
    _limit, _sampling, _reasoning, _reasoning_back, _system, _shape,
)  # fmt: skip
