"""Run in an environment of UncommonRoute: prompts on standard input as a JSON list, scores on standard output.

Its embedding model needs a download from a hub; without it that vote abstains, as it does without a network.
"""

import json
import sys

from uncommon_route import classify, route

TIERS = ("SIMPLE", "MEDIUM", "COMPLEX")

prompts = json.load(sys.stdin)
voted = [classify(prompt) for prompt in prompts]
decided = [route(prompt) for prompt in prompts]
scores = {
    "UncommonRoute route": [TIERS.index(one.tier.value) + one.complexity for one in decided],
    "UncommonRoute classifier": [TIERS.index(one.tier.value) + (one.complexity or 0.0) for one in voted],
}
sys.stdout.write("\n" + json.dumps(scores))
