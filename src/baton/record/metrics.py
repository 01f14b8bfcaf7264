"""Prometheus series with bounded labels, counted in the writer thread: the hot path pays nothing for them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from baton.record.batch import model_of, provider_of
from baton.types.decision import CascadeAnswer
from baton.types.money import usd_from_nano
from baton.types.outcome import Finished
from baton.types.sample import Sample

if TYPE_CHECKING:
    from baton.record.ledger import Health

MAX_VALUES = 200
"""Distinct values of one label; what comes later is counted as `other`."""

SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
OVERHEAD_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25)


class Metrics:
    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._seen: dict[str, set[str]] = {}
        labels = ["route", "task_type", "model", "provider"]
        self._requests = self._counter("baton_requests", "Requests by what became of them.", [*labels, "outcome"])
        self._cost = self._counter("baton_cost_usd", "What was paid, in US dollars.", labels)
        self._tokens = self._counter("baton_tokens", "Tokens by kind.", ["model", "kind"])
        self._faults = self._counter("baton_upstream_faults", "Failed calls by name of the fault.", ["model", "fault"])
        self._handoffs = self._counter(
            "baton_handoff_elements", "What became of the elements of conversations that were carried over.",
            ["caller", "upstream", "action"],
        )  # fmt: skip
        self._cascades = self._counter(
            "baton_cascade_answers", "Answers of cascades: given, passed over, or the check that they failed.",
            ["task_type", "arm", "outcome"],
        )  # fmt: skip
        self._duration = Histogram(
            "baton_request_duration_seconds", "From arrival to the last byte.", ["model"], buckets=SECONDS,
            registry=self._registry,
        )  # fmt: skip
        self._overhead = Histogram(
            "baton_overhead_seconds", "Time not spent waiting for a model.", buckets=OVERHEAD_SECONDS,
            registry=self._registry,
        )  # fmt: skip
        self._dropped = Gauge("baton_ledger_dropped", "Records dropped since the start.", registry=self._registry)
        self._queued = Gauge("baton_ledger_queued", "Records that wait for the writer.", registry=self._registry)

        self._unshipped = Gauge(
            "baton_ledger_unshipped", "Rows that PostgreSQL has not got yet.", registry=self._registry
        )
        self._ship_failing = Gauge(
            "baton_ledger_ship_failing", "1 while PostgreSQL takes no rows.", registry=self._registry
        )

    def count(self, finished: Iterable[Finished]) -> None:
        """Sums are made per batch, since a label look-up costs more than the addition that it is for."""
        sums: dict[tuple[Counter, tuple[str, ...]], float] = defaultdict(float)
        durations: dict[str, Histogram] = {}
        for one in finished:
            decision = one.decision
            route, task_type = (decision.route, decision.task_type) if decision is not None else ("", "")
            model = self._bounded("model", model_of(one))
            provider = self._bounded("provider", provider_of(one) if one.attempts else "")
            names = (self._bounded("route", route), self._bounded("task_type", task_type), model, provider)
            sums[self._requests, (*names, one.ending)] += 1
            sums[self._cost, names] += usd_from_nano(one.cost)
            sums[self._tokens, (model, "input")] += one.usage.input
            sums[self._tokens, (model, "output")] += one.usage.output
            if decision is not None and decision.handoff is not None:
                for action, count in decision.handoff.counts().items():
                    sums[self._handoffs, (one.dialect, one.upstream_dialect, action)] += count
            for answer in () if decision is None else decision.cascade:
                arm = self._bounded("arm", answer.model)
                sums[self._cascades, (names[1], arm, self._bounded("outcome", _outcome(answer)))] += 1
            for attempt in one.attempts:
                if attempt.fault:
                    sums[self._faults, (self._bounded("model", attempt.model), attempt.fault)] += 1
            if model not in durations:
                durations[model] = self._duration.labels(model)
            durations[model].observe(one.duration_s)
            self._overhead.observe(one.overhead_s)
        for (counter, labels), value in sums.items():
            counter.labels(*labels).inc(value)

    def render(self, health: "Health", samples: Iterable[Sample] = ()) -> bytes:
        """`samples` are what other rooms say of themselves."""
        self._dropped.set(health.dropped)
        self._queued.set(health.queued)
        if health.shipping is not None:
            self._unshipped.set(health.shipping.waiting)
            self._ship_failing.set(bool(health.shipping.last_error))
        return generate_latest(self._registry) + rendered(samples)

    def _counter(self, name: str, text: str, labels: list[str]) -> Counter:
        return Counter(name, text, labels, registry=self._registry)

    def _bounded(self, label: str, value: str) -> str:
        seen = self._seen.setdefault(label, set())
        if value in seen or len(seen) < MAX_VALUES:
            seen.add(value)
            return value
        return "other"


def _outcome(answer: CascadeAnswer) -> str:
    if answer.given:
        return "given"
    return next((check.check for check in answer.checks if check.outcome == "failed"), "passed_over")


class _Samples:
    """Figures that are read at the moment they are asked for, as prometheus-client collects them."""

    def __init__(self, samples: Iterable[Sample]) -> None:
        self._samples = samples

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        families: dict[str, CounterMetricFamily | GaugeMetricFamily] = {}
        for one in self._samples:
            names = [name for name, _ in one.labels]
            if one.name not in families:
                kind = CounterMetricFamily if one.kind == "counter" else GaugeMetricFamily
                families[one.name] = kind(one.name, one.text, labels=names)
            families[one.name].add_metric([value for _, value in one.labels], one.value)
        yield from families.values()


def rendered(samples: Iterable[Sample]) -> bytes:
    registry = CollectorRegistry()
    registry.register(_Samples(samples))
    return generate_latest(registry)
