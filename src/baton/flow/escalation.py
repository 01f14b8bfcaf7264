"""The limit of going up, per key and per route or task type that sets one; alarms when it is reached, or comes near.

Each process counts for itself: what all of them let go up together is bounded by the same share.
"""

import logging
from collections import OrderedDict
from collections.abc import Iterator
from typing import Protocol

from baton.decide.escalation import Traffic
from baton.flow.run import Run
from baton.types.decision import Decision, GoingUp, PolicySnapshot
from baton.types.errors import EscalationLimited
from baton.types.notice import NoticeKind
from baton.types.sample import Sample
from baton.types.task import EscalationLimit, OnCap

log = logging.getLogger("baton.escalation")

MOST_KEYS = 10_000
"""Keys and scopes that are counted; those that were not heard of for longest are forgotten."""
CAPPED = "Requests that would have gone up to a dearer model, and did not because of their key's limit."
SHARE = "Share of a key's last requests that went up to a dearer model, highest of all keys."
AFTER: dict[OnCap, GoingUp] = {"cheap": "none", "reference": "reference", "refuse": "none"}


class Tell(Protocol):
    def __call__(self, kind: NoticeKind, name: str, **detail: str | float | bool | None) -> None: ...


class Escalations:
    """`earlier` is what a new config takes over from."""

    def __init__(self, snapshot: PolicySnapshot, tell: Tell, earlier: "Escalations | None" = None) -> None:
        self._routes = {one.name: one.escalation for one in snapshot.routes if one.escalation is not None}
        self._types = {one.name: one.escalation for one in snapshot.task_types.values() if one.escalation is not None}
        self._tell = tell
        self.traffic: OrderedDict[tuple[str, str], Traffic] = OrderedDict() if earlier is None else earlier.traffic
        self.capped: dict[str, int] = {} if earlier is None else earlier.capped

    def watches(self, decision: Decision) -> bool:
        return decision.route in self._routes or decision.task_type in self._types

    def decided(self, run: Run, decision: Decision) -> GoingUp:
        """What the request may do. Counts it once, however often it is decided. Raises EscalationLimited."""
        found = self._limit_of(decision)
        if found is None or decision.rule == "pass":
            return "allowed"
        scope, limit = found
        traffic = self._of(run, scope, limit)
        up = bool(decision.upgraded)
        if run.ticket is None:
            allowed = not up or traffic.may_go_up()
            run.ticket = traffic.note(up=up and (allowed or limit.on_cap == "reference"))
            self._look_for_drift(run, scope, traffic)
        else:
            allowed = not up or traffic.may_go_up(run.ticket)
            if up and (allowed or limit.on_cap == "reference"):
                traffic.goes_up(run.ticket)
        return "allowed" if allowed else self._capped_at(run, scope, traffic)

    def may_escalate(self, run: Run) -> GoingUp:
        """For a cascade whose answers did not convince. Raises EscalationLimited."""
        found = None if run.decision is None else self._limit_of(run.decision)
        if found is None or run.ticket is None:
            return "allowed"
        scope, limit = found
        traffic = self._of(run, scope, limit)
        allowed = traffic.may_go_up(run.ticket)
        if allowed or limit.on_cap == "reference":
            traffic.goes_up(run.ticket)
        return "allowed" if allowed else self._capped_at(run, scope, traffic)

    def samples(self) -> Iterator[Sample]:
        for scope, count in self.capped.items():
            yield Sample("baton_escalations_capped", "counter", CAPPED, (("scope", scope),), count)
        shares: dict[str, float] = {}
        for (scope, _), traffic in self.traffic.items():
            shares[scope] = max(shares.get(scope, 0.0), traffic.share)
        for scope, share in shares.items():
            yield Sample("baton_escalation_share", "gauge", SHARE, (("scope", scope),), share)

    def _limit_of(self, decision: Decision) -> tuple[str, EscalationLimit] | None:
        if (of_route := self._routes.get(decision.route)) is not None:
            return f"route:{decision.route}", of_route
        of_type = self._types.get(decision.task_type)
        return None if of_type is None else (f"task_type:{decision.task_type}", of_type)

    def _of(self, run: Run, scope: str, limit: EscalationLimit) -> Traffic:
        key = (scope, run.caller.name)
        found = self.traffic.get(key)
        if found is None or found.limit != limit:
            found = self.traffic[key] = Traffic(limit)
            if len(self.traffic) > MOST_KEYS:
                self.traffic.popitem(last=False)
        self.traffic.move_to_end(key)
        return found

    def _capped_at(self, run: Run, scope: str, traffic: Traffic) -> GoingUp:
        """Raises EscalationLimited."""
        limit = traffic.limit
        self.capped[scope] = self.capped.get(scope, 0) + 1
        if not traffic.told:
            traffic.told = True
            key, share = run.caller.name, traffic.share
            log.warning("key %r has let %.3f of its requests of %s go up: its limit is reached", key, share, scope)
            self._tell(
                "alarm", "escalation_limit", scope=scope, key=key, share=share, limit=limit.limit, on_cap=limit.on_cap
            )
        if limit.on_cap == "refuse":
            told = f"key {run.caller.name!r} has let {limit.limit:.0%} of its requests go up, as many as it may"
            raise EscalationLimited(f"{told}: ask later, or for a model by its name")
        return AFTER[limit.on_cap]

    def _look_for_drift(self, run: Run, scope: str, traffic: Traffic) -> None:
        found = traffic.rising()
        if found is not None:
            older, newer = found
            log.warning("more requests of key %r go up: %.3f of them, before %.3f", run.caller.name, newer, older)
            self._tell("alarm", "escalation_drift", scope=scope, key=run.caller.name, share=newer, before=older)
