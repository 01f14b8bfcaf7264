"""What one request may spend: set aside before a model is asked, settled when it is known.

Life of a hold: 1. `before` an attempt, `open` takes the estimate from every account of the caller, or raises
BudgetExceeded or RateLimited, and `go_on` makes it fit another model; 2. `passed` and `extend` watch a stream whose
length nobody limits: it gets more while the budgets have it, else StoppedByBudget ends it; 3. `settle` closes it once.
"""

import logging
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import msgspec

from baton.config.schema import Config
from baton.decide.estimate import tokens_expected
from baton.protocol.limit_headers import limit_headers
from baton.record.database import Place
from baton.record.spend import spent_of
from baton.spend.counters import Answer, Counters, Refusal, Taken, Taking
from baton.spend.estimate import Asked, Estimate, estimate
from baton.spend.meter import tokens_in
from baton.spend.periods import day_of, first_day, month_of
from baton.types.card import Dialect, ModelCard
from baton.types.decision import Decision
from baton.types.errors import BudgetExceeded, LedgerError, LimitReached, NotAllowed, RateLimited, StoppedByBudget
from baton.types.money import Price, Usage, usd_text
from baton.types.request import Caller, Request
from baton.types.secret import Secret
from baton.types.spend import HOUSE, KINDS, MEASUREMENT, NO_LIMITS, ORCHESTRATION, Account, Limit, Spent, account_name

if TYPE_CHECKING:
    from baton.flow.run import Run

log = logging.getLogger("baton.spend")

SWEEP_S = 30.0
DEFAULT_OUTPUT_TOKENS = 500
MAX_USER_LENGTH = 128
TEXT = msgspec.json.Decoder(str)
METADATA = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Hold:
    """Made by `Spending.open`. Everything but `settle` and `headers` is for the time before it is settled."""

    __slots__ = ("_estimate", "_passed", "_price", "_spending", "_standing", "_taking", "amount", "limit", "settled")

    def __init__(self, spending: "Spending", taking: Taking, price: Price, wanted: Estimate, taken: Taken) -> None:
        self._spending = spending
        self._taking = taking
        self._price = price
        self._estimate = wanted
        self._standing = taken.standing
        self._passed = 0
        self.amount = taking.amount
        self.limit = self._limit_of(wanted)
        self.settled = False

    def passed(self, piece: bytes) -> bool:
        """Call with every piece of a stream. True: what was set aside is used up, call `extend` before going on."""
        if self.limit is None:
            return False
        self._passed += tokens_in(piece)
        return self._passed > self.limit

    async def extend(self) -> None:
        """As much output again. Raises StoppedByBudget where a budget has no more."""
        assert self.limit is not None
        more = max(self._estimate.output_tokens, self._passed - self.limit)
        await self._more(self._price.cost(Usage(output=more)), more, stopped=True)
        self.limit += more

    async def go_on(self, asked: Asked, spent: int, *, beside: bool = False) -> None:
        """Another model is asked after `spent` nano-dollars, or beside the last one. Raises BudgetExceeded."""
        wanted = self._spending.estimate(asked)
        if beside:
            spent += self._estimate.amount
        self._price, self._estimate, self._passed = asked.price, wanted, 0
        self.limit = self._limit_of(wanted)
        missing = spent + wanted.amount - self.amount
        if missing > 0:
            await self._more(missing, 0, stopped=False)

    def used(self) -> Usage:
        """The best guess where a model did not tell: the input as expected, and what has passed."""
        return Usage(input=self._estimate.input_tokens, output=self._passed)

    def settle(self, cost: int, tokens: int) -> None:
        """Nano-dollars over all attempts, tokens of input and output. Later calls change nothing."""
        if not self.settled:
            self.settled = True
            self._spending.counters.give(self._taking, cost, tokens, self._spending.now())

    def headers(self, dialect: Dialect) -> dict[str, str]:
        """How the caller stands, as his vendor's clients read it."""
        return limit_headers(dialect, self._standing, self._spending.now())

    def _limit_of(self, wanted: Estimate) -> int | None:
        """Output tokens after which a stream is looked at; None where its length is limited, or its cost is not."""
        if not wanted.open_ended or not self._price.output:
            return None
        return wanted.output_tokens if any(account.limits.budgeted for account in self._taking.path) else None

    async def _more(self, amount: int, tokens: int, *, stopped: bool) -> None:
        answer = self._spending.counters.extend(self._taking, amount, tokens, self._spending.now())
        answer = answer if isinstance(answer, Taken | Refusal) else await answer
        if isinstance(answer, Refusal):
            raise _stopped(answer) if stopped else refused(answer)
        self.amount += amount


class Spending:
    """`place` is the ledger, which knows what was spent before this process; None: nothing was."""

    def __init__(
        self, config: Config, counters: Counters, place: Place | None, now: Callable[[], float] = time.time
    ) -> None:
        """Raises LedgerError."""
        self.counters = counters
        self.now = now
        self._config = config
        self._place = place
        self._known: set[str] = set()
        self._read_on = day_of(now())
        self._before = {} if place is None else spent_now(place, now())
        self._sweep_at = 0.0
        self.taking: Callable[[Run, ModelCard, int], None] | None = None
        """Who wants to know, before it is answered, that what a request may spend was asked for."""
        self._seen: Caller | None = None
        """Who asked last: his accounts are known."""

    def renewed(self, config: Config) -> "Spending":
        """The same figures under another config. Flush the ledger first: accounts may be limited that were not."""
        return Spending(config, self.counters, self._place, self.now)

    def estimate(self, asked: Asked) -> Estimate:
        return estimate(asked, self._config.spend.input_margin, self._config.spend.output_factor)

    async def open(
        self, hold_id: str, caller: Caller, asked: Asked, meanwhile: Callable[[], None] | None = None
    ) -> Hold | None:
        """None where nothing limits the caller. `meanwhile` is called before a shared store is waited for.

        Raises BudgetExceeded or RateLimited.
        """
        if not caller.path:
            return None
        now = self.now()
        if now >= self._sweep_at:
            await self._sweep(now)
        if caller is not self._seen:
            for account in caller.path:
                if account.name not in self._known:
                    await self._seed(account.name, now)
            self._seen = caller
        wanted = self.estimate(asked)
        taking = Taking(hold_id, caller.path, wanted.amount, wanted.tokens, now, now + self._config.spend.lease_s)
        answer: Answer | Awaitable[Answer] = self.counters.take(taking)
        if isinstance(answer, Taken | Refusal):
            taken = answer
        else:
            if meanwhile is not None:
                meanwhile()
            taken = await answer
        if isinstance(taken, Refusal):
            raise refused(taken)
        return Hold(self, taking, asked.price, wanted, taken)

    def asked(self, request: Request, decision: Decision, card: ModelCard) -> Asked:
        """A request as it goes to this model."""
        task_type = self._config.snapshot.task_types.get(decision.task_type)
        expected = DEFAULT_OUTPUT_TOKENS if task_type is None else task_type.output_tokens
        facts = request.facts
        return Asked(card.price, tokens_expected(facts), facts.max_output, expected, card.max_output)

    def branch(self, name: str) -> Caller:
        """Who asks for Baton itself: `measurement` or `orchestration`."""
        limits = {MEASUREMENT: self._config.spend.measurement, ORCHESTRATION: self._config.spend.orchestration}
        return Caller(name, path=limited((Account(name, limits[name].limits()),)), accounts=(name,))

    async def before(self, run: "Run", card: ModelCard, *, beside: bool = False) -> None:
        """Call before each attempt of a request; `beside`: while another one is under way.

        Raises NotAllowed for its route, BudgetExceeded or RateLimited.
        """
        request, decision = run.request, run.decision
        assert request is not None
        assert decision is not None
        refuse_route(run.caller, decision)
        if run.hold is not None:
            await run.hold.go_on(self.asked(request, decision, card), run.cost, beside=beside)
        elif run.caller.path:
            tell = self.taking
            run.hold = await self.open(
                run.request_id,
                run.caller,
                self.asked(request, decision, card),
                None if tell is None else lambda: tell(run, card, tokens_expected(request.facts)),
            )

    async def _seed(self, account: str, now: float) -> None:
        """What was spent before, for an account that nobody has asked from yet."""
        if self._place is not None and day_of(now) != self._read_on:
            self._before, self._read_on = spent_now(self._place, now), day_of(now)
        done = self.counters.seed(account, self._before.get(account, Spent()), now)
        if done is not None:
            await done
        self._known.add(account)

    async def _sweep(self, now: float) -> None:
        self._sweep_at = now + SWEEP_S
        expired = self.counters.expire(now)
        if isinstance(expired, Awaitable):
            await expired


def spent_now(place: Place, now: float) -> dict[str, Spent]:
    """By account, as the ledger has it. Raises LedgerError for a file; a database may be away, or empty.

    Replicas know from each other what was spent, and need the ledger only where all of them begin anew.
    """
    today = day_of(now)
    try:
        return spent_of(place, today, first_day(month_of(today)))
    except LedgerError as error:
        if not isinstance(place, Secret):
            raise
        log.warning("what was spent so far is not read from the ledger: %s", error)
        return {}


# --- who pays --------------------------------------------------------------------------------------


def limited(path: tuple[Account, ...]) -> tuple[Account, ...]:
    """The accounts that have limits: the others are not looked at before a request."""
    return tuple(account for account in path if account.limits != NO_LIMITS)


def in_house(name: str, config: Config) -> Caller:
    """Somebody without a key, limited by what limits the house."""
    return Caller(name, path=limited((Account(HOUSE, config.spend.house.limits()),)))


def accounts_of(caller: Caller, request: Request | None) -> tuple[str, ...]:
    """Everybody that a request is booked to: the caller's own accounts, its end user, its tags."""
    accounts = caller.accounts or (HOUSE, account_name("key", caller.name))
    if request is None:
        return accounts
    user = end_user(request)
    tags = request.wish.tags
    if not user and not tags:
        return accounts
    named = (account_name("user", user),) if user else ()
    return (*accounts, *named, *(account_name("tag", tag) for tag in dict.fromkeys(tags)))


def end_user(request: Request) -> str:
    """Whom the caller asks for, in the words of each dialect; empty where he does not say."""
    raw = request.members.get("user") or request.members.get("safety_identifier")
    try:
        if raw is None and request.dialect == "anthropic" and (metadata := request.members.get("metadata")) is not None:
            raw = METADATA.decode(metadata).get("user_id")
        return "" if raw is None else TEXT.decode(raw)[:MAX_USER_LENGTH]
    except (ValueError, RecursionError):  # the model's server is who says what is wrong with it
        return ""


def refuse_route(caller: Caller, decision: Decision) -> None:
    """Raises NotAllowed for a route that the key may not use."""
    if caller.routes and decision.route not in caller.routes:
        told = f"key {caller.name!r} may not use route {decision.route!r}: it may use {', '.join(caller.routes)}"
        raise NotAllowed(told, "model")


# --- refusals --------------------------------------------------------------------------------------

WHEN: dict[Limit, str] = {"day": "of the day", "month": "of the month", "total": "of all time"}


def refused(refusal: Refusal) -> LimitReached:
    who, allowed, used, wanted = _who(refusal.account), refusal.allowed, refusal.used, refusal.wanted
    if refusal.limit in WHEN:
        told = f"the budget {WHEN[refusal.limit]} of {who} is ${usd_text(allowed)}: ${usd_text(used)} are spent or set "
        told += f"aside, and this request may cost ${usd_text(wanted)}. {_advice(refusal)}"
        return _as(BudgetExceeded, refusal, told)
    if refusal.limit == "parallel":
        told = f"{who} may ask {allowed} requests at once, and {used} are under way: wait for one of them"
    elif refusal.limit == "requests":
        told = f"{who} may ask {allowed} requests per minute: wait {refusal.retry_after_s or 0:.1f} s"
    else:
        told = f"{who} may use {allowed} tokens per minute, and this request may take {wanted}: "
        told += f"wait {refusal.retry_after_s or 0:.1f} s, or set a smaller output limit"
    return _as(RateLimited, refusal, told)


def _stopped(refusal: Refusal) -> LimitReached:
    told = f"the answer was stopped: the budget {WHEN.get(refusal.limit, '')} of {_who(refusal.account)} has no more "
    told += f"than the ${usd_text(refusal.allowed)} that are spent or set aside. What was sent is right, but not whole"
    return _as(StoppedByBudget, refusal, told)


def _as(kind: type[LimitReached], refusal: Refusal, told: str) -> LimitReached:
    return kind(
        told,
        account=refusal.account,
        limit=refusal.limit,
        retry_after_s=refusal.retry_after_s,
        standing=refusal.standing,
    )


def _advice(refusal: Refusal) -> str:
    if refusal.retry_after_s is None and refusal.wanted > refusal.allowed:
        return "Set a smaller output limit, or ask for a larger budget"
    if refusal.retry_after_s is None:
        return "Ask for a larger budget"
    return "Set a smaller output limit, wait for the next one, or ask for a larger budget"


def _who(account: str) -> str:
    kind, _, name = account.partition(":")
    return f"{kind} {name!r}" if kind in KINDS else f"the {account}"
