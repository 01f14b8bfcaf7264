"""The section `orchestrator`: who plans and composes, and what one run may use."""

from typing import Annotated

from msgspec import Meta, Struct

from baton.config.checks import ModelName
from baton.types.money import nano_from_usd
from baton.types.plan import RunLimits

MIB = 1024 * 1024


class OrchestratorConfig(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What holds for every orchestrated run; a caller may ask for less, and for more up to `max_budget_usd`."""

    model: Annotated[
        ModelName | None, Meta(description="Plans, composes, does what cannot be delegated; default: the reference")
    ] = None
    budget_usd: Annotated[
        Annotated[float, Meta(gt=0, le=1_000_000)], Meta(description="Of a run whose caller names none")
    ] = 0.50
    max_budget_usd: Annotated[
        Annotated[float, Meta(gt=0, le=1_000_000)], Meta(description="The most that a caller may ask for")
    ] = 10.0
    seconds: Annotated[Annotated[float, Meta(gt=0, le=86_400)], Meta(description="Until a run ends")] = 300.0
    calls: Annotated[Annotated[int, Meta(ge=1, le=10_000)], Meta(description="Calls of models in one run")] = 60
    tokens: Annotated[Annotated[int, Meta(ge=1, le=1_000_000_000)], Meta(description="Input and output of one run")] = (
        2_000_000
    )
    tasks: Annotated[Annotated[int, Meta(ge=1, le=1_000)], Meta(description="Sub-tasks of one plan")] = 24
    width: Annotated[Annotated[int, Meta(ge=1, le=256)], Meta(description="Sub-tasks under way at once")] = 8
    document_bytes: Annotated[
        Annotated[int, Meta(ge=1, le=1024 * MIB)], Meta(description="Of all documents of a run")
    ] = 8 * MIB
    calibration: Annotated[
        Annotated[str, Meta(min_length=1)] | None,
        Meta(description="File of calibration records: how often checks let wrong values through; default: unmeasured"),
    ] = None

    def limits(self, budget_usd: float | None = None, seconds: float | None = None) -> RunLimits:
        return RunLimits(
            money=nano_from_usd(min(self.budget_usd if budget_usd is None else budget_usd, self.max_budget_usd)),
            seconds=min(self.seconds if seconds is None else seconds, self.seconds),
            calls=self.calls,
            tokens=self.tokens,
            tasks=self.tasks,
            width=self.width,
            document_bytes=self.document_bytes,
        )
