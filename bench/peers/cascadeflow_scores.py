"""Run in an environment of cascadeflow: prompts on standard input as a JSON list, scores on standard output."""

import asyncio
import json
import sys

from cascadeflow.quality.query_difficulty import QueryDifficultyEstimator
from cascadeflow.routing.pre_router import PreRouter

LEVELS = {"trivial": 0, "simple": 1, "moderate": 2, "hard": 3, "expert": 4}


async def main() -> None:
    prompts = json.load(sys.stdin)
    router, estimator = PreRouter(), QueryDifficultyEstimator()
    decided = [await router.route(prompt) for prompt in prompts]
    scores = {
        "cascadeflow pre-router": [
            10 * (one.strategy.value != "cascade") + LEVELS[one.metadata["complexity"]] for one in decided
        ],
        "cascadeflow difficulty": [estimator.estimate(prompt) for prompt in prompts],
    }
    sys.stdout.write("\n" + json.dumps(scores))


asyncio.run(main())
