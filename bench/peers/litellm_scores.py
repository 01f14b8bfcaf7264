"""Run in an environment of LiteLLM: prompts on standard input as a JSON list, scores on standard output."""

import json
import os
import sys

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

from litellm import Router
from litellm.router_strategy.complexity_router.complexity_router import ComplexityRouter

TIERS = ("SIMPLE", "MEDIUM", "COMPLEX", "REASONING")


def router(classifier: str) -> ComplexityRouter:
    tiers = dict.fromkeys(TIERS, "some-model")
    return ComplexityRouter(
        "auto", Router(model_list=[]), {"classifier_type": classifier, "tiers": tiers}, derive_savings_baseline=False
    )


prompts = json.load(sys.stdin)
first, second = router("heuristic"), router("heuristic_v2")
found = [first.classify(prompt) for prompt in prompts]
forecasts = [second._classify_locally(prompt, None).heuristic_v2_forecast for prompt in prompts]  # noqa: SLF001
scores = {
    "LiteLLM v1 score": [score for _, score, _ in found],
    "LiteLLM v1 tiers": [TIERS.index(tier.value) for tier, _, _ in found],
    "LiteLLM v2 score": [-one["probabilities"]["SIMPLE"] for one in forecasts],
    "LiteLLM v2 tiers": [TIERS.index(one["predicted_tier"]) for one in forecasts],
}
sys.stdout.write("\n" + json.dumps(scores))
