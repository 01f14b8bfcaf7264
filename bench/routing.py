"""How good is the routing? One key per bar, measured on recorded outcomes of real models.

    python bench/routing.py --data ../shared/data [--only KEY ...] [--json]

What is trained is trained on the train files and reported on the test files (or over folds, where a key says so), with
95 % intervals; nothing is chosen by what the test files say. Each figure says how many labels it has seen.
"""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from routing_arena import mmlu_regret, routerarena
from routing_cascade import cascade
from routing_cpu import decision_cpu
from routing_learned import routellm_gsm8k, routellm_mmlu
from routing_peers import peers
from routing_pools import llmrouter, routerbench
from routing_prior import prior
from routing_savings import savings
from routing_steering import steering
from routing_types import task_types

KEYS: dict[str, Callable[[Path], Any]] = {
    "routerbench": routerbench,
    "llmrouter": llmrouter,
    "routerarena": routerarena,
    "mmlu_regret": mmlu_regret,
    "cascade": cascade,
    "routellm_mmlu": routellm_mmlu,
    "routellm_gsm8k": routellm_gsm8k,
    "peers": peers,
    "prior": prior,
    "decision_cpu": decision_cpu,
    "savings": savings,
    "steering": steering,
    "task_types": task_types,
}
"""Each is given the folder of the data, and returns what JSON can say."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds routing/ and routing-wide/")
    parser.add_argument("--only", action="append", choices=sorted(KEYS), help="this key alone (may be repeated)")
    parser.add_argument("--json", action="store_true", help="one line")
    given = parser.parse_args()
    if not (given.data / "routing").is_dir():
        parser.error(f"{given.data} has no folder routing/")
    found = {}
    for key in given.only or KEYS:
        sys.stderr.write(f"{key} ...\n")
        found[key] = KEYS[key](given.data)
    sys.stdout.write(json.dumps(found, indent=None if given.json else 2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
