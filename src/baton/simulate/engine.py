"""What happens to one request: read, recognised, made to fail or answered, encoded, and written into the journal."""

import math
import time
from collections.abc import Callable

import msgspec
from msgspec import Struct

from baton.simulate.answer import UNKNOWN, Answerer, Ask, Refused, SimAnswer, SimModel
from baton.simulate.conversation import Conversation
from baton.simulate.delivery import Delivery
from baton.simulate.draw import label, normal, uniform
from baton.simulate.faults import Case, Fault, Schedule, afflict, no_faults, parse_fault, seeded
from baton.simulate.http import Exchange, HttpRequest
from baton.simulate.journal import Ending, Entry, Journal
from baton.simulate.wire import anthropic, openai_chat
from baton.simulate.wire.grammar import STATUS_OF, Grammar
from baton.types.money import Usage, usd_text
from baton.types.secret import Secret

SIMULATED = ("x-baton-simulated", "true")
JSON = (("content-type", "application/json"), SIMULATED)
EVENTS = (("content-type", "text/event-stream; charset=utf-8"), ("cache-control", "no-cache"), SIMULATED)

ANSWERING: dict[str, Grammar] = {"/v1/chat/completions": openai_chat.GRAMMAR, "/v1/messages": anthropic.GRAMMAR}
COUNTING = "/v1/messages/count_tokens"


class _Seen(Struct):
    """What is known of a request so far, for its entry in the journal."""

    grammar: Grammar
    started_s: float
    request_id: str
    model: SimModel | None = None
    ask: Ask | None = None
    fault: Fault | None = None
    fault_text: str | None = None
    answer: SimAnswer | None = None


class Engine:
    """Skill (the answerer) x faults (the schedule), served in every dialect. `respond` never waits."""

    def __init__(
        self,
        answerer: Answerer,
        *,
        schedule: Schedule | None = None,
        time_scale: float = 0.0,
        api_key: Secret | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`schedule` defaults to the models' own rates. `time_scale` stretches latencies; 0 answers at once."""
        self.journal = Journal()
        self._answerer = answerer
        self._models = {model.id: model for model in answerer.models}
        rates = {model.id: model.faults for model in answerer.models if model.faults}
        default = seeded(rates, seed=answerer.seed) if rates else no_faults
        self._schedule: Schedule = default if schedule is None else schedule
        self._time_scale = time_scale
        self._api_key = api_key
        self._clock = clock
        self._requests = 0

    def respond(self, request: HttpRequest) -> Exchange:
        self._requests += 1
        seen = _Seen(_grammar(request), self._clock(), f"req_{label(24, self._answerer.seed, self._requests)}")
        try:
            return self._route(request, seen)
        except Refused as refusal:
            status = STATUS_OF[refusal.kind]
            body = seen.grammar.error(status, refusal.message, seen.request_id, refusal)
            return self._journaled(self._error(status, body, seen), seen)

    def _route(self, request: HttpRequest, seen: _Seen) -> Exchange:
        if request.too_large:
            raise Refused("too_large", "The body is too large. Send less.")
        path = request.path
        if path in ("/health", "/sim/journal"):
            _only("GET", request)
            return self._about_itself(request)
        self._check_key(request)
        if path in ANSWERING:
            _only("POST", request)
            return self._answer(request, seen)
        if path == COUNTING:
            _only("POST", request)
            name, body = anthropic.count_tokens(request.body)
            self._model(name)
            return _unjournaled(body, seen)
        if path == "/v1/models" or path.startswith("/v1/models/"):
            _only("GET", request)
            grammar = seen.grammar
            shown = path.removeprefix("/v1/models").removeprefix("/")
            models = self._answerer.models
            return _unjournaled(grammar.show_model(self._model(shown)) if shown else grammar.list_models(models), seen)
        paths = ", ".join((*ANSWERING, COUNTING, "/v1/models", "/sim/journal", "/health"))
        raise Refused("not_found", f"There is no path {path!r} here. There are: {paths}.")

    # --- answering

    def _answer(self, request: HttpRequest, seen: _Seen) -> Exchange:
        ask = seen.grammar.read(request.body)
        model = seen.model = self._model(ask.model)
        nonce = request.headers.get("x-sim-nonce") or self._answerer.name_of(ask.conversation) or _fingerprint(ask)
        sample = _number(request.headers, "x-sim-sample", ask.sample)
        attempt = _number(request.headers, "x-sim-attempt", self.journal.attempt(model.id, nonce))
        ask = seen.ask = msgspec.structs.replace(ask, nonce=nonce, sample=sample, attempt=attempt)
        fault = seen.fault = self._fault(request, ask)
        if fault is not None and fault.kind == "status":
            told = f"Simulated fault: {fault.status} of {model.id}."
            body = seen.grammar.error(fault.status, told, seen.request_id, None)
            return self._journaled(self._error(fault.status, body, seen), seen)
        _check_abilities(ask.conversation, model)
        answer = self._answerer.answer(ask, model)
        _check_window(ask, answer, model)
        seen.answer = answer
        plan = self._plan(ask, answer, seen)
        if fault is not None:
            grammar, broken = seen.grammar, "The server broke down while it was answering."
            event = grammar.error_event() if ask.stream else grammar.error(500, broken, seen.request_id, None)
            where = uniform("where", self._answerer.seed, model.id, nonce, attempt)
            plan = afflict(fault, plan, error_event=event, where=where)
        return self._journaled(plan, seen)

    def _plan(self, ask: Ask, answer: SimAnswer, seen: _Seen) -> Delivery:
        model = self._models[answer.model]
        names = (self._answerer.seed, model.id, ask.nonce, ask.attempt)
        identity = label(24, *names, ask.sample)
        first_s = gap_s = 0.0
        if self._time_scale:
            spread = math.exp(model.latency.spread * normal("latency", *names))
            first_s = model.latency.first_s * spread * self._time_scale
            gap_s = model.latency.per_token_s * self._time_scale
        extra = seen.grammar.headers(seen.request_id, model)
        if answer.truth.cost is not None:
            extra = (*extra, ("x-sim-cost-usd", usd_text(answer.truth.cost)))
        if ask.stream:
            frames = tuple(seen.grammar.events(answer, identity, ask.include_usage))
            return Delivery(200, (*EVENTS, *extra), frames, "chunked", first_s, gap_s)
        body = seen.grammar.whole(answer, identity)
        return Delivery(200, (*JSON, *extra), (body,), "length", first_s + gap_s * answer.usage.output)

    def _fault(self, request: HttpRequest, ask: Ask) -> Fault | None:
        forced = request.headers.get("x-sim-fault")
        if not forced:
            return self._schedule(Case(ask.model, ask.nonce, ask.attempt))
        try:
            return parse_fault(forced)
        except ValueError as error:
            raise Refused("invalid", f"x-sim-fault: {error}", param="x-sim-fault") from error

    def _model(self, name: str) -> SimModel:
        if name not in self._models:
            known = ", ".join(self._models)
            raise Refused(
                "not_found",
                f"The model {name!r} does not exist here. There are: {known}.",
                param="model",
                code="model_not_found",
            )
        return self._models[name]

    def _check_key(self, request: HttpRequest) -> None:
        if self._api_key is None:
            return
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self._api_key.reveal() not in (bearer, request.headers.get("x-api-key")):
            raise Refused("unauthorized", "The key is missing or wrong. Send it as a bearer token or as x-api-key.")

    def _error(self, status: int, body: bytes, seen: _Seen) -> Delivery:
        extra = seen.grammar.headers(seen.request_id, None)
        if seen.fault is not None and seen.fault.retry_after is not None:
            extra = (*extra, ("retry-after", seen.fault.retry_after))
        elif status == 429:
            extra = (*extra, ("retry-after", "1"))
        return Delivery(status, (*JSON, *extra), (body,))

    # --- the journal, and what the simulation tells of itself

    def _journaled(self, plan: Delivery, seen: _Seen) -> Exchange:
        def finished(ending: Ending, sent: int) -> None:
            self.journal.write(self._entry(plan, seen, ending, sent))

        return Exchange(plan, finished)

    def _entry(self, plan: Delivery, seen: _Seen, ending: Ending, sent: int) -> Entry:
        ask, answer = seen.ask, seen.answer
        truth = answer.truth if answer else UNKNOWN
        usage = answer.usage if answer else Usage()
        cost = truth.cost
        if cost is None:
            cost = seen.model.price.cost(usage) if seen.model else 0
        return Entry(
            sequence=self.journal.next_sequence(),
            started_s=seen.started_s,
            ended_s=self._clock(),
            dialect=seen.grammar.name,
            model=seen.model.id if seen.model else "",
            nonce=ask.nonce if ask else "",
            attempt=ask.attempt if ask else 0,
            status=plan.status,
            stream=bool(ask and ask.stream),
            ending="fault" if seen.fault is not None and ending == "complete" else ending,
            sent_bytes=sent,
            fault=seen.fault.kind if seen.fault else None,
            outcome=truth.outcome,
            correct=truth.correct,
            task_type=truth.task_type,
            usage=usage,
            cost=cost,
        )

    def _about_itself(self, request: HttpRequest) -> Exchange:
        if request.path == "/health":
            told = msgspec.json.encode({"simulated": True, "models": [model.id for model in self._answerer.models]})
        else:
            told = msgspec.json.encode(self.journal.since(_number(request.query, "since", 0)))
        return Exchange(Delivery(200, JSON, (told,)), _nobody)


def _grammar(request: HttpRequest) -> Grammar:
    """The dialect in which this client wants its errors and its model list."""
    if request.path.startswith("/v1/messages") or "anthropic-version" in request.headers:
        return anthropic.GRAMMAR
    return openai_chat.GRAMMAR


def _unjournaled(body: bytes, seen: _Seen) -> Exchange:
    return Exchange(Delivery(200, (*JSON, *seen.grammar.headers(seen.request_id, None)), (body,)), _nobody)


def _nobody(_ending: Ending, _sent: int) -> None:
    """Questions about the simulation itself are not part of its story."""


def _only(method: str, request: HttpRequest) -> None:
    if request.method != method:
        raise Refused("method", f"{request.method} is not allowed for {request.path!r}. Use {method}.")


def _number(values: dict[str, str], name: str, default: int) -> int:
    text = values.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()):
        raise Refused("invalid", f"{name} is {text!r}. Send a whole number, 0 or more.", param=name)
    return int(text)


def _fingerprint(ask: Ask) -> str:
    turns = (part for turn in ask.conversation.turns for part in (turn.role, turn.text, str(turn.uses)))
    return label(16, ask.conversation.system, *turns)


def _check_abilities(conversation: Conversation, model: SimModel) -> None:
    if conversation.tools and "tools" not in model.capabilities:
        raise Refused(
            "invalid", f"{model.id} does not support tools. Leave them out, or ask another model.", param="tools"
        )


def _check_window(ask: Ask, answer: SimAnswer, model: SimModel) -> None:
    if answer.usage.input > model.context_window:
        told = (
            f"The prompt has {answer.usage.input} tokens, the context window of {model.id} has {model.context_window}."
        )
        raise Refused("invalid", f"{told} Send less.", param="messages", code="context_length_exceeded")
    if ask.max_output is not None and ask.max_output > model.max_output:
        told = f"The output limit is {ask.max_output}, {model.id} writes at most {model.max_output} tokens."
        raise Refused("invalid", f"{told} Ask for less.", param="max_tokens")
