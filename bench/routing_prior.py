"""The label-free prior on every source: no label is seen, so that the test file stands for answers never looked at.

Where a source has many models, the strong one is the best on its train file, and it is held against two others: the one
in the middle, and the worst. A pair with less than two points between them is left out: there is no gap to recover.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from routing_data import Pairs, joined, pairs
from routing_learned import figures, lengths

from baton.decide.prior import hardness
from baton.decide.text import normalised
from baton.stats.frontier import apgr

NAMED = {
    "routellm_mmlu": None,
    "routellm_gsm8k": None,
    "routellm_mtbench": None,
    "routerbench_0shot, Yi-34B -> GPT-4": ("zero-one-ai/Yi-34B-Chat", "gpt-4-1106-preview"),
}
OTHERS = (
    "routing/llmrouter_9open",
    "routing/routerarena_sub10",
    "routing/routerbench_0shot",
    "routing-wide/swebench_bashonly",
    "routing-wide/zeroeval",
    "routing-wide/bfcl_2024_08",
    "routing-wide/zoonk_evals",
    "routing-wide/zoonk_battles",
)
LEAST_GAP = 0.02
MOSTLY = 0.8


def prior(data: Path) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for name, models in NAMED.items():
        stem = name.split(",", maxsplit=1)[0]
        given = () if models is None else models
        test = pairs(data / "routing", stem, "test", *given)
        told[name] = judged(test)
        whole = joined([pairs(data / "routing", stem, "train", *given), test])
        told[name]["train_and_test"] = judged(whole)
    for name in OTHERS:
        folder, stem = (data / name).parent, Path(name).name
        for where, (weak, strong) in chosen_pairs(folder, stem).items():
            test = pairs(folder, stem, "test", weak, strong)
            told[f"{stem}, {where}: {weak} -> {strong}"] = judged(test)
    known = [one["apgr"] for one in told.values() if "apgr" in one]
    return {"labels": 0, "least_apgr": min(known), "sources": told}


def judged(sample: Pairs) -> dict[str, Any]:
    gap = float((sample.strong - sample.weak).mean())
    if gap < LEAST_GAP:
        return {"gap": round(gap, 4), "note": "no gap to recover", "n": len(sample)}
    said = [hardness(normalised(prompt)).difficulty for prompt in sample.prompts]
    scores = np.array([0.5 if one is None else one for one in said])
    try:
        found = figures(scores, sample)
    except ValueError as error:  # too few prompts for an interval
        found = {"apgr": round(apgr(scores, sample.weak, sample.strong), 4), "note": str(error), "n": len(sample)}
    silent = sum(one is None for one in said) / len(said)
    length = apgr(lengths(sample), sample.weak, sample.strong)
    return {**found, "silent": round(silent, 3), "length_alone": round(length, 4), "gap": round(gap, 4)}


def chosen_pairs(folder: Path, stem: str) -> dict[str, tuple[str, str]]:
    """By mean grade on the train file, among models that answered most of its prompts."""
    table = pq.read_table(folder / f"{stem}.train.parquet", columns=["model", "correct"]).to_pydict()
    grades: dict[str, list[float]] = {}
    for model, correct in zip(table["model"], table["correct"], strict=True):
        grades.setdefault(model, []).append(correct)
    most = max(map(len, grades.values()))
    means = {model: sum(all_) / len(all_) for model, all_ in grades.items() if len(all_) >= MOSTLY * most}
    ordered = sorted(means, key=lambda model: (means[model], model))
    found = {"middle": (ordered[(len(ordered) - 1) // 2], ordered[-1])}
    if len(ordered) > 2:
        found["worst"] = (ordered[0], ordered[-1])
    return found
