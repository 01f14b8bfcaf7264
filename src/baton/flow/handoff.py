"""Carries a conversation to the model that was decided on: as the caller's own bytes where they can go, else rendered.

What is lost on the way is in the report; `strict_handoff` refuses it before anything is sent.
"""

import hashlib
from collections.abc import Callable, Mapping

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from baton.decide.estimate import BYTES_PER_TOKEN_MIN
from baton.flow.kept_answers import KeptAnswers, whole_response
from baton.flow.passage import Passage, Relay, Translation
from baton.flow.private_state import PrivateState
from baton.flow.resume import continued
from baton.flow.run import Run
from baton.protocol.dialects import Reply, grammar_of
from baton.protocol.images import image_addresses, with_images
from baton.protocol.prefix import prefix_hashes
from baton.protocol.private import model_family
from baton.protocol.reasoning import carries_private_state, shows_reasoning
from baton.protocol.splice import splice
from baton.protocol.tool_ids import renamed_tools
from baton.protocol.unfit import needs_rendering
from baton.protocol.voice import voice_of
from baton.protocol.window import truncate, turn_bytes
from baton.types.card import Dialect, ModelCard, Provider
from baton.types.conversation import Conversation
from baton.types.errors import HandoffRefused
from baton.types.events import AnswerMessage
from baton.types.handoff import HandoffReport, Rendered, Target
from baton.types.parts import Origin
from baton.types.request import Request

ASK_FOR_USAGE = Raw(b'{"include_usage":true}')
NAMED_LOSSES = 3
NOBODY = Origin()
ANSWER_IDS: dict[Dialect, str] = {
    "openai-chat": "chatcmpl-",
    "openai-responses": "resp_",
    "anthropic": "msg_",
    "gemini": "",
    "ollama": "",
}
"""How ids of answers begin in each dialect: clients look at it."""
DEFAULT_OUTPUT_TOKENS = 4_096
"""Left free in a window for the answer where the caller sets no limit."""


class _Way(Struct, frozen=True, gc=False):
    """One request on its way to one model."""

    run: Run
    request: Request
    card: ModelCard
    target: Target
    strict: bool


class Carrier:
    """`target_for(card, provider, dialect)` says what a model takes; `strict` is the config's default."""

    def __init__(
        self,
        providers: Mapping[str, Provider],
        target_for: Callable[[ModelCard, Provider, Dialect], Target],
        private: PrivateState,
        answers: KeptAnswers,
        *,
        strict: bool,
        in_band: bool,
    ) -> None:
        self._providers = providers
        self._target_for = target_for
        self._private = private
        self._answers = answers
        self._strict = strict
        self._in_band = in_band
        self._targets: dict[tuple[str, Dialect], Target] = {}

    def passage(self, run: Run, request: Request, card: ModelCard, *, concrete: bool) -> Passage:
        """`concrete`: the caller named this very model, and speaks to it in its own words.

        Raises HandoffRefused when the conversation cannot be carried, or not without a loss that may not be.
        """
        provider, dialect = self._providers[card.provider], self.dialect_of(request, card)
        target = self._target(card, provider, dialect)
        strict = self._strict if request.wish.strict_handoff is None else request.wish.strict_handoff
        way = _Way(run, request, card, target, strict)
        if dialect != request.dialect or run.resumes:
            return self._translation(way)
        body = _own_bytes(request, card)
        fits = not target.reasoning_member and (concrete or not needs_rendering(request, target))
        if fits and self._private.may_go_as_it_is(body, target.origin):
            return _relay(request, card, body, target, None)
        return self._rendered_relay(way)

    def dialect_of(self, request: Request, card: ModelCard) -> Dialect:
        """In which the model would be asked."""
        dialects = self._providers[card.provider].dialects
        return request.dialect if request.dialect in dialects else dialects[0]

    def takes(self, request: Request, card: ModelCard, field: str) -> bool:
        """Whether the model takes a field of `Sampling`, as far as is known."""
        target = self._target(card, self._providers[card.provider], self.dialect_of(request, card))
        return target.sampling is None or field in target.sampling

    def image_addresses(self, request: Request) -> list[str]:
        return image_addresses(grammar_of(request.dialect).read(request.members, NOBODY))

    def continuation(self, run: Run, request: Request, card: ModelCard, text: str) -> Translation:
        """The way to a model that goes on from `text`. Raises HandoffRefused."""
        target = self._target(card, self._providers[card.provider], self.dialect_of(request, card))
        return self._translation(_Way(run, request, card, target, strict=False), said=text)

    def settle(self, run: Run, passage: Passage, made: AnswerMessage | bytes | None) -> None:
        """What of a good answer is kept for the time when the conversation comes back."""
        request = run.request
        assert request is not None
        if isinstance(passage, Translation) and isinstance(made, AnswerMessage):
            self._private.keep_answer(made, passage.prefix_hash, passage.dialect, run.caller)
            if request.dialect == "openai-responses":
                told = grammar_of(request.dialect).write_answer(made, passage.reply).body
                self._answers.keep(request.members, told, run.caller)
        elif isinstance(passage, Relay) and isinstance(made, bytes):
            self._private.keep_names(made, passage.origin)
            if passage.prefix_hash is not None:
                answer = passage.read(made, stream=request.stream)
                self._private.keep_answer(answer, passage.prefix_hash, passage.dialect, run.caller)
            if request.dialect == "openai-responses":
                self._answers.keep(request.members, whole_response(made) if request.stream else made, run.caller)

    def _rendered_relay(self, way: _Way) -> Passage:
        """The caller's own dialect, message by message: what may not go, or what this model does not take, stays."""
        request, target = way.request, way.target
        read = grammar_of(request.dialect).read(_asking_for_usage(request), NOBODY)
        conversation = self._private.restored(read, way.run.caller)
        rendered = grammar_of(request.dialect).write(conversation, target)
        refuse_losses(rendered.report, way.card, strict=way.strict)
        if _cut_here(conversation, rendered.report):
            return self._translated(way, conversation, rendered)
        relay = _relay(request, way.card, rendered.body, target, rendered.report)
        if not target.reasoning_member:
            return relay
        # This server wants its reasoning back, and few clients of its dialect send it.
        return replace(relay, prefix_hash=prefix_hashes(conversation.turns)[-1])

    def _translation(self, way: _Way, said: str = "") -> Translation:
        """`said`: what an answer that broke off had said."""
        read = grammar_of(way.request.dialect).read(_asking_for_usage(way.request), NOBODY)
        conversation = with_images(self._private.restored(read, way.run.caller), way.run.images)
        if said:
            conversation = continued(conversation, said, way.target)
        rendered = _render(conversation, way.target, way.card)
        refuse_losses(rendered.report, way.card, strict=way.strict)
        return self._translated(way, conversation, rendered)

    def _translated(self, way: _Way, conversation: Conversation, rendered: Rendered) -> Translation:
        return Translation(
            dialect=way.target.dialect,
            body=rendered.body,
            caller_dialect=way.request.dialect,
            card=way.card,
            handoff=rendered.report,
            origin=way.target.origin,
            prefix_hash=prefix_hashes(conversation.turns)[-1],
            reply=self._reply(way, conversation),
            stop=conversation.stop if _cut_here(conversation, rendered.report) else (),
        )

    def _reply(self, way: _Way, conversation: Conversation) -> Reply:
        request = way.request
        return Reply(
            model=way.card.upstream,
            id=ANSWER_IDS[request.dialect] + way.run.request_id,
            created=int(way.run.at),
            include_usage=request.include_usage or request.dialect != "openai-chat" or not request.stream,
            input_tokens=int(request.facts.text_bytes / BYTES_PER_TOKEN_MIN),
            custom_tools=frozenset(tool.name for tool in conversation.tools if tool.kind == "custom"),
            tool_names=renamed_tools(conversation, way.target.dialect),
            echo=self._echo(way, conversation),
            show_reasoning=shows_reasoning(conversation),
            seal=self._private.seal if self._in_band and carries_private_state(conversation) else None,
        )

    def _echo(self, way: _Way, conversation: Conversation) -> Mapping[str, bytes]:
        """What an answer says of its request, with what was done here and not by the model."""
        if way.request.dialect != "openai-responses":
            return conversation.members
        store = b"true" if self._answers.keeps(way.request.members, way.run.caller) else b"false"
        return {**conversation.members, "store": store, "previous_response_id": way.run.continues or b"null"}

    def _target(self, card: ModelCard, provider: Provider, dialect: Dialect) -> Target:
        found = self._targets.get((card.id, dialect))
        if found is None:
            target = self._target_for(card, provider, dialect)
            found = self._targets[card.id, dialect] = replace(target, origin=origin_of(card, provider))
        return found


def origin_of(card: ModelCard, provider: Provider) -> Origin:
    """Who answers for this card: private state is bound to account and model family."""
    key = "" if provider.api_key is None else provider.api_key.reveal()
    account = hashlib.blake2b(key.encode(), digest_size=8).hexdigest() if key else ""
    return Origin(provider=provider.name, account=account, model=model_family(card.upstream))


def refuse_losses(report: HandoffReport, card: ModelCard, *, strict: bool) -> None:
    """Raises HandoffRefused for what cannot be sent, and under `strict` for what would be degraded."""
    lost = report.rejections or ([entry for entry in report.entries if entry.action == "degraded"] if strict else ())
    if not lost:
        return
    named = "; ".join(f"{entry.path}: {entry.reason}" for entry in lost[:NAMED_LOSSES])
    more = f" (and {len(lost) - NAMED_LOSSES} more)" if len(lost) > NAMED_LOSSES else ""
    why = "cannot be handed" if report.rejections else "cannot be handed without loss (strict_handoff is on)"
    raise HandoffRefused(f"the conversation {why} to {card.id!r}: {named}{more}", lost[0].path)


def _cut_here(conversation: Conversation, report: HandoffReport) -> bool:
    """The target does not take all of the caller's stop sequences."""
    path = conversation.paths.get("stop")
    return path is not None and any(entry.path == path and entry.action == "moved" for entry in report.entries)


def _render(conversation: Conversation, target: Target, card: ModelCard) -> Rendered:
    """Cut to the window where it must be, then written; one report for both."""
    room = card.context_window - min(conversation.max_tokens or DEFAULT_OUTPUT_TOKENS, card.max_output)
    tools = sum(len(tool.json) for tool in conversation.tools)
    cut = truncate(
        conversation,
        max(1, room - int(tools / BYTES_PER_TOKEN_MIN)),
        lambda turn: int(turn_bytes(turn) / BYTES_PER_TOKEN_MIN) + 1,
    )
    rendered = grammar_of(target.dialect).write(cut.conversation, target)
    return Rendered(rendered.body, rendered.report + cut.report) if cut.report.entries else rendered


def _relay(request: Request, card: ModelCard, body: bytes, target: Target, report: HandoffReport | None) -> Relay:
    return Relay(
        dialect=request.dialect,
        body=body,
        voice=voice_of(request.dialect),
        card=card,
        handoff=report,
        origin=target.origin,
        hide_usage=_adds_usage(request),
        hold_end=request.wish.show_cost,
    )


def _adds_usage(request: Request) -> bool:
    """Chat Completions streams tell usage only when asked; Baton asks, and takes the extra chunk out again."""
    return request.dialect == "openai-chat" and not request.include_usage


def _asking_for_usage(request: Request) -> Mapping[str, Raw]:
    if not request.stream or not _adds_usage(request):
        return request.members
    return {**request.members, "stream_options": ASK_FOR_USAGE}


def _own_bytes(request: Request, card: ModelCard) -> bytes:
    """The caller's own bytes; only `model`, Baton's own member, and where usage would be missing the wish for it."""
    changed: dict[str, bytes | None] = {"model": msgspec.json.encode(card.upstream)}
    if request.dialect == "gemini":  # model and stream stand in the path
        changed = {"model": None, "stream": None}
    if "baton" in request.members:
        changed["baton"] = None
    if request.stream and _adds_usage(request):
        changed["stream_options"] = bytes(ASK_FOR_USAGE)
    return splice(request.members, changed)
