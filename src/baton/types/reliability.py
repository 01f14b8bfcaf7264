"""How calls are repeated, limited and kept away from what is broken: the section `reliability` of the config."""

from typing import Annotated

from msgspec import Meta, Struct, field

Count = Annotated[int, Meta(ge=1, le=1_000)]
Share = Annotated[float, Meta(gt=0, le=1)]
Wait = Annotated[float, Meta(ge=0, le=3_600)]


class BreakerPolicy(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """When a deployment is left alone, and for how long."""

    failures: Annotated[Count, Meta(description="Failed calls in a row that open it")] = 5
    share: Annotated[Share, Meta(description="Or this share of failed calls among the last `window` ones")] = 0.5
    window: Annotated[Annotated[int, Meta(ge=2, le=60)], Meta(description="Calls that the share is taken over")] = 20
    open_s: Annotated[
        Annotated[float, Meta(gt=0, le=3_600)], Meta(description="Until one call may probe it; doubles with each loss")
    ] = 5.0
    max_open_s: Annotated[
        Annotated[float, Meta(gt=0, le=3_600)],
        Meta(description="Longest time until a probe, also where the provider asks for a longer rest"),
    ] = 120.0


class QueuePolicy(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What becomes of calls above the `max_concurrency` of a deployment."""

    length: Annotated[
        Annotated[int, Meta(ge=0, le=100_000)], Meta(description="Calls that may wait; the lowest priority is shed")
    ] = 200
    wait_s: Annotated[Wait, Meta(description="Longest wait for a place")] = 10.0


class HedgePolicy(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """For routes with `hedge: true`: when a second call is sent although the first may still answer."""

    quantile: Annotated[
        Annotated[float, Meta(ge=0.5, le=0.999)], Meta(description="Share of first bytes that came sooner than this")
    ] = 0.95
    min_calls: Annotated[Count, Meta(description="Calls to a deployment before its quantile is believed")] = 20


class Reliability(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Retries, breakers, queues and hedging."""

    attempts: Annotated[
        Annotated[int, Meta(ge=1, le=10)], Meta(description="Calls per request, over all deployments and models")
    ] = 2
    retry_share: Annotated[
        Annotated[float, Meta(ge=0, le=1)], Meta(description="Retries per request over time: the retry budget")
    ] = 0.2
    retry_burst: Annotated[Count, Meta(description="Retries that may be saved up")] = 50
    backoff_s: Annotated[Wait, Meta(description="Mean wait before the same deployment is asked again; doubles")] = 0.25
    retry_after_cap_s: Annotated[
        Wait, Meta(description="Longest Retry-After that a request waits for; a healthy peer is asked at once")
    ] = 10.0
    breaker: BreakerPolicy = field(default_factory=BreakerPolicy)
    queue: QueuePolicy = field(default_factory=QueuePolicy)
    hedge: HedgePolicy = field(default_factory=HedgePolicy)
