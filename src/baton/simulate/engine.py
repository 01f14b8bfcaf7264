"""What happens to one request: read, recognised, made to fail or answered, encoded, and written into the journal.

For a test, the whole of it on a loopback port of its own:

    from baton.simulate.obedient import Obedient
    from baton.simulate.serve import serve, serve_in_thread

    with serve_in_thread(Obedient(), strict=True) as upstream:  # or `async with serve(...)`; Fleet() knows the workload
        ...  # upstream.base_url + "/v1/messages", "/v1/chat/completions", "/v1/responses",
             # "/v1beta/models/sim-gemini:generateContent", "/api/chat"
    upstream.journal.since().entries  # one entry for each request: dialect, model, status, usage, refusal
    gateway_config(Obedient(), upstream.base_url, ["gemini"])  # of `fleet.py`: a baton.yaml that reaches it so

`Obedient` answers anything and calls each tool whose name the last user turn says; its models (`vendors.py`) are
`sim-claude`, `sim-claude-next`, `sim-claude-old`, `sim-gpt`, `sim-gpt-plain`, `sim-gemini`, `sim-gemini-old`,
`sim-deepseek` and `sim-llama`.
`strict` refuses what the vendor of the dialect refuses, in its words and with its status (`strict/`).
Private state (Anthropic's signatures, encrypted reasoning, thought signatures) comes with every answer of a model that
thinks: where it is made to (`SimModel.thinking`), where the request switches reasoning on, or with the header
`x-sim-thinking: 1`; `x-sim-redacted: 1` makes Anthropic's redacted. It is bound to the caller's key, the model's
family, the turns before it and its own text (`seal.py`), and strict mode refuses it anywhere else.
"""

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
from baton.simulate.reasoning import Forced, reasoned
from baton.simulate.routes import PATHS, Route, route
from baton.simulate.seal import Owner
from baton.simulate.strict import Posed, check, check_count, check_sealed, with_names_as_text
from baton.simulate.wire.grammar import STATUS_OF, Grammar
from baton.types.money import Usage, usd_text
from baton.types.secret import Secret

SIMULATED = ("x-baton-simulated", "true")
JSON = (("content-type", "application/json"), SIMULATED)


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
    refusal: str | None = None


class Engine:
    """Skill (the answerer) x faults (the schedule), served in every dialect. `respond` never waits."""

    def __init__(
        self,
        answerer: Answerer,
        *,
        schedule: Schedule | None = None,
        time_scale: float = 0.0,
        api_key: Secret | None = None,
        strict: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`schedule` defaults to the models' own rates. `time_scale` stretches latencies; 0 answers at once.

        `strict` refuses what the vendor of the dialect refuses; without it, anything that can be read is answered.
        """
        self.journal = Journal()
        self._answerer = answerer
        self._models = {model.id: model for model in answerer.models}
        rates = {model.id: model.faults for model in answerer.models if model.faults}
        default = seeded(rates, seed=answerer.seed) if rates else no_faults
        self._schedule: Schedule = default if schedule is None else schedule
        self._time_scale = time_scale
        self._api_key = api_key
        self._strict = strict
        self._clock = clock
        self._requests = 0

    def respond(self, request: HttpRequest) -> Exchange:
        self._requests += 1
        found = route(request)
        seen = _Seen(found.grammar, self._clock(), f"req_{label(24, self._answerer.seed, self._requests)}")
        try:
            return self._serve(request, found, seen)
        except Refused as refusal:
            status = STATUS_OF[refusal.kind]
            seen.refusal = refusal.message
            body = seen.grammar.error(status, refusal.message, seen.request_id, refusal)
            return self._journaled(self._error(status, body, seen), seen)

    def _serve(self, request: HttpRequest, found: Route, seen: _Seen) -> Exchange:
        if request.too_large:
            raise Refused("too_large", "The body is too large. Send less.")
        if found.aim == "nothing":
            self._check_key(request)
            raise Refused("not_found", f"There is no path {request.path!r} here. There are: {', '.join(PATHS)}.")
        _only(found.method, request)
        if found.aim == "itself":
            return self._about_itself(request)
        self._check_key(request)
        if found.aim == "answer":
            return self._answer(request, found, seen)
        if found.aim == "models":
            return _unjournaled(found.grammar.list_models(self._answerer.models), seen)
        if found.aim == "model":
            return _unjournaled(found.grammar.show_model(self._model(found.model)), seen)
        return self._count(request, found, seen)

    def _count(self, request: HttpRequest, found: Route, seen: _Seen) -> Exchange:
        if found.grammar.count_body is None:
            raise Refused("not_found", f"Nothing is counted in the dialect {found.grammar.name!r}.")
        posed = self._posed(request, found) if self._strict else None
        if posed is not None:
            check_count(posed)
        name, body = found.grammar.count_body(request.body)
        self._model(found.model or name)
        return _unjournaled(body, seen)

    # --- answering

    def _answer(self, request: HttpRequest, found: Route, seen: _Seen) -> Exchange:
        posed = self._posed(request, found) if self._strict else None
        if posed is not None:
            seen.model = posed.model
            check(posed)
        ask = _addressed(seen.grammar.read(request.body), found)
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
        owner = Owner(seen.grammar.name, _key(request), model.bound_to)
        if posed is not None:
            check_sealed(ask.conversation.turns, owner)
        answer = self._answerer.answer(ask, model)
        _check_window(ask, answer, model)
        answer = msgspec.structs.replace(answer, echoed=ask.echoed)
        answer = seen.answer = reasoned(answer, ask, model, owner, _forced(request))
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
            kind = (("content-type", seen.grammar.stream_type), ("cache-control", "no-cache"), SIMULATED)
            return Delivery(200, (*kind, *extra), frames, "chunked", first_s, gap_s)
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

    def _posed(self, request: HttpRequest, found: Route) -> Posed | None:
        """What strict rules look at; None for a body that is not even an object, which the reader refuses itself."""
        try:
            body = msgspec.json.decode(request.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        name = found.model or (body.get("model") if isinstance(body, dict) else None)
        if not isinstance(body, dict) or not isinstance(name, str):
            return None
        return Posed(found.grammar.name, with_names_as_text(body), self._model(name), request.headers)

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
        if self._api_key.reveal() != _key(request):
            told = "The key is missing or wrong. Send it as a bearer token, x-api-key, api-key or x-goog-api-key."
            raise Refused("unauthorized", told)

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
            refusal=seen.refusal,
        )

    def _about_itself(self, request: HttpRequest) -> Exchange:
        if request.path == "/health":
            told = msgspec.json.encode({"simulated": True, "models": [model.id for model in self._answerer.models]})
        else:
            told = msgspec.json.encode(self.journal.since(_number(request.query, "since", 0)))
        return Exchange(Delivery(200, JSON, (told,)), _nobody)


def _addressed(ask: Ask, found: Route) -> Ask:
    """With what the address says in a dialect whose body does not say it."""
    if found.stream is None:
        return ask
    return msgspec.structs.replace(ask, model=found.model, stream=found.stream)


def _key(request: HttpRequest) -> str:
    """The caller's key, wherever its dialect puts it; empty where there is none."""
    held = request.headers
    bearer = held.get("authorization", "").removeprefix("Bearer ")
    named = (held.get(name) for name in ("x-api-key", "api-key", "x-goog-api-key"))
    return next((key for key in (*named, request.query.get("key")) if key), bearer)


def _forced(request: HttpRequest) -> Forced:
    thinking = request.headers.get("x-sim-thinking")
    return Forced(None if thinking is None else thinking != "0", request.headers.get("x-sim-redacted") == "1")


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
