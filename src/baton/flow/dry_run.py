"""A decision with no model called and nothing recorded, and a decision as people read it."""

from collections.abc import Mapping
from typing import Any

import msgspec

from baton.decide.policy import Policy
from baton.protocol.request import read_request
from baton.types.card import Dialect
from baton.types.decision import Decision, PolicySnapshot
from baton.types.money import usd_from_nano
from baton.types.request import Caller

DRY_RUN_ID = "dry-run"


def decide_only(
    snapshot: PolicySnapshot, dialect: Dialect, body: bytes, headers: Mapping[str, str], caller: Caller | None = None
) -> Decision:
    """Raises RequestError when the body cannot be served as it is."""
    return Policy(snapshot).decide(read_request(dialect, body, headers), caller or Caller(), DRY_RUN_ID)


def shown(decision: Decision) -> dict[str, Any]:
    """Money in dollars, everything else as it is."""
    value: dict[str, Any] = msgspec.to_builtins(decision)
    value["expected_cost_usd"] = usd_from_nano(value.pop("expected_cost"))
    for candidate in value["candidates"]:
        candidate["cost_usd"] = usd_from_nano(candidate.pop("cost"))
    if value["counterfactual"] is not None:
        value["counterfactual"]["reference_cost_usd"] = usd_from_nano(value["counterfactual"].pop("reference_cost"))
    for answer in value["cascade"]:
        answer["cost_usd"] = usd_from_nano(answer.pop("cost"))
    if value["plan"] is not None:
        for name in ("expected_cost", "reference_cost"):
            value["plan"][f"{name}_usd"] = usd_from_nano(value["plan"].pop(name))
    return value
