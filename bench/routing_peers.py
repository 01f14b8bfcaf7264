"""Routers that install with pip and decide offline, beside ours, on the same prompts in one run.

Each runs in an environment of its own, `make bench-peers`; what is not installed is skipped and said. Peers see no
labels; ours are the prior, which sees none either, and what 1,500 labels of MMLU's train file (or four folds of GSM8K)
teach. RouteLLM needs a key to be imported and weights from a hub: its figures are published ones (`routellm_mmlu`).
"""

import json
import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from routing_data import GPT_4, MIXTRAL, Pairs, joined, pairs
from routing_learned import figures, graded_of, lengths, rounded, scores_over_folds

from baton.decide.residual import ResidualReader
from baton.measure.learn.lesson import learn, prior_scores
from baton.measure.learn.train import features_of
from baton.stats.frontier import apgr_difference

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENTS = ROOT / ".venv-peers"
PEERS = ("litellm", "cascadeflow", "uncommonroute")
LABELS = 1_500
TIMEOUT_S = 1_800


def peers(data: Path) -> dict[str, Any]:
    train, test = (pairs(data / "routing", "routellm_mmlu", split) for split in ("train", "test"))
    rows = np.random.default_rng(0).permutation(len(train))[:LABELS]
    residual = learn(graded_of(train.at(rows)), np.random.default_rng(0), reference=GPT_4).residual
    reader = ResidualReader(residual)
    learned = np.array([reader.scores(one)[MIXTRAL] for one in features_of(test.prompts)])
    grade_school = joined([pairs(data / "routing", "routellm_gsm8k", split) for split in ("train", "test")])
    return {
        "installed": {name: (ENVIRONMENTS / name).is_dir() for name in PEERS},
        "not_installed": "make bench-peers installs them",
        "mmlu_test": {"labels_of_ours": LABELS, **beside(test, learned)},
        "gsm8k_all": {
            "labels_of_ours": len(grade_school) * 4 // 5,
            **beside(grade_school, scores_over_folds(grade_school, 0)),
        },
    }


def beside(sample: Pairs, learned: np.ndarray) -> dict[str, Any]:
    prior = prior_scores(sample.prompts)
    told = {"ours, learned": figures(learned, sample), "ours, prior": figures(prior, sample)}
    theirs = {"length": lengths(sample)}
    for name in PEERS:
        theirs |= scores_of(name, sample.prompts)
    for name, scores in theirs.items():
        told[name] = figures(scores, sample)
        for ours, mine in (("learned", learned), ("prior", prior)):
            ahead, between = apgr_difference(mine, scores, sample.weak, sample.strong, np.random.default_rng(0))
            told[name][f"{ours}_is_ahead_by"] = round(ahead, 4)
            told[name][f"{ours}_is_ahead_by_interval"] = rounded(between)
    return told


def scores_of(name: str, prompts: Sequence[str]) -> dict[str, np.ndarray]:
    """Per router of that package; nothing where it is not installed."""
    python = ENVIRONMENTS / name / "bin" / "python"
    if not python.exists():
        return {}
    with tempfile.TemporaryDirectory() as home:  # some keep state in the home of whoever runs them
        done = subprocess.run(
            [python, ROOT / "bench" / "peers" / f"{name}_scores.py"],
            input=json.dumps(list(prompts)), capture_output=True, text=True, check=True, timeout=TIMEOUT_S,
            env={"PATH": os.environ["PATH"], "HOME": home},
        )  # fmt: skip
    found = json.loads(done.stdout.strip().rsplit("\n", maxsplit=1)[-1])
    return {router: np.array(scores, dtype=float) for router, scores in found.items()}
