"""Train the classifier of task types that comes with Baton, and write its weights and its card.

    python tools/train_task_types.py --data ../shared/data [--date 2026-11-24]

Reads the *train* file of uncommonroute_tiers (MIT; its categories are mapped by `MAPPING`), tasks of our own generated
workload, and the phrases of `task_type_phrases.tsv` (type, language, phrase; written for this project). Seeded: the
same data gives the same weights. The figures of the card are those of held-out folds of the train file; the test file
is read by `bench/routing.py --only task_types` alone.
"""

import argparse
import io
import json
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.parquet as pq
from scipy import sparse
from scipy.optimize import minimize, minimize_scalar

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

from baton.decide import features  # noqa: E402
from baton.decide.classifier import codes_of  # noqa: E402
from baton.decide.quoted import trusted  # noqa: E402
from baton.decide.text import normalised  # noqa: E402
from baton.simulate.workload.item import item  # noqa: E402
from baton.types.task import BUILTIN_TASK_TYPES as NAMES  # noqa: E402

PHRASES = ROOT / "tools" / "task_type_phrases.tsv"
TARGET = ROOT / "src" / "baton" / "config" / "task_types"
MAPPING = {
    "classification": ["classification"],
    "extraction": ["extraction", "structured-output"],
    "analysis": [
        "explanation", "system-design", "formal-proof", "comparison", "math-derivation", "algorithm-proof",
        "game-theory", "formal-logic", "architecture", "security-analysis", "logic-puzzle", "data-analysis",
        "ml-pipeline", "math-word-problem", "infrastructure", "migration", "performance",
    ],
    "code": ["simple-code", "complex-code", "code-review", "debugging", "testing", "code-snippet-qa"],
    "content": ["summary", "brainstorming", "translation", "rewrite", "creative", "documentation"],
    "agent": ["agentic-task"],
    "other": ["factual-qa", "definition", "greeting"],
}  # fmt: skip
"""Our task types by the categories of the source. `edge-noise` and `edge-short` say nothing about a task."""
WORKLOAD_SEED, WORKLOAD_ITEMS, WORKLOAD_WEIGHT = 71, 1_200, 0.3
PHRASE_WEIGHT = 0.5
WRAPPER_SEED, WRAPPED_WEIGHT = 11, 0.5
FOLDS, FOLD_SEED = 5, 7
BITS = 13
PENALTY = 3e-6
ITERATIONS = 150
CHEAP = ("classification", "extraction", "format_check")
CERTAIN_CHEAP = 0.8
"""Asked of the types that go to the cheapest model: a mistake there costs quality, and elsewhere money."""
PRECISION = 0.95
"""Of the other types together: the lowest chance is asked at which so many guesses of held-out folds are right."""


class Rows(NamedTuple):
    codes: list[frozenset[int]]
    types: np.ndarray
    weights: np.ndarray

    def at(self, chosen: np.ndarray) -> "Rows":
        codes = [one for one, taken in zip(self.codes, chosen, strict=True) if taken]
        return Rows(codes, self.types[chosen], self.weights[chosen])

    def __add__(self, other: "Rows") -> "Rows":  # type: ignore[override]
        pair = ((self.types, other.types), (self.weights, other.weights))
        return Rows([*self.codes, *other.codes], *(np.concatenate(one) for one in pair))


def rows_of(texts: list[tuple[str, str]], weight: float) -> Rows:
    codes = [codes_of(trusted(normalised(text))) for text, _ in texts]
    kept = [place for place, one in enumerate(codes) if one]
    types = np.array([NAMES.index(texts[place][1]) for place in kept])
    return Rows([codes[place] for place in kept], types, np.full(len(kept), weight))


def public_texts(data: Path) -> list[tuple[str, str]]:
    type_of = {category: name for name, categories in MAPPING.items() for category in categories}
    table = pq.read_table(data / "routing" / "uncommonroute_tiers.train.parquet", columns=["prompt", "category"])
    return [(row["prompt"], type_of[row["category"]]) for row in table.to_pylist() if row["category"] in type_of]


def workload_texts(seed: int, count: int) -> list[tuple[str, str]]:
    """Without the reference lines, which no caller writes."""
    items = [item(seed, index) for index in range(count)]
    return [(one.prompt.rpartition("\n\n(ref ")[0], one.task_type) for one in items]


def phrases() -> list[tuple[str, str]]:
    """Each phrase with every matter of its language in the place of `{x}`: what the public data lacks is there."""
    lines = [line.split("\t") for line in PHRASES.read_text().splitlines()]
    matters: dict[str, list[str]] = {}
    for sort, language, text in lines:
        if sort == "matter":
            matters.setdefault(language, []).append(text)
    return [
        (text.replace("{x}", matter), sort)
        for sort, language, text in lines
        if sort in NAMES
        for matter in (matters[language] if "{x}" in text else ("",))
    ]


def wrapped(texts: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Each text within a polite phrase drawn for it: courtesy is no sign of any task."""
    lines = [line.split("\t") for line in PHRASES.read_text().splitlines()]
    wrappers = [text for sort, _, text in lines if sort == "wrapper"]
    drawn = np.random.default_rng(WRAPPER_SEED).integers(0, len(wrappers), len(texts))
    return [(wrappers[one].replace("{x}", text), name) for one, (text, name) in zip(drawn, texts, strict=True)]


def matrix(codes: list[frozenset[int]]) -> sparse.csr_matrix:
    """One row a prompt, scaled by 1 / sqrt(n-grams)."""
    places = [code & (1 << BITS) - 1 for one in codes for code in sorted(one)]
    values = [1 / np.sqrt(len(one)) for one in codes for _ in one]
    begins = np.cumsum([0, *map(len, codes)])
    found = sparse.csr_matrix((values, places, begins), shape=(len(codes), 1 << BITS))
    found.sum_duplicates()
    return found


def fitted(rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    """Weights (bucket, type) and intercepts of the penalised likelihood, by L-BFGS from zero."""
    inputs, count = matrix(rows.codes), len(NAMES)
    truth, shares = np.eye(count)[rows.types], rows.weights / rows.weights.sum()
    size = inputs.shape[1] * count

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weights = flat[:size].reshape(-1, count)
        chances = softmax(inputs @ weights + flat[size:])
        wrong = (chances - truth) * shares[:, None]
        likelihood = shares @ np.log(chances[np.arange(len(truth)), rows.types] + 1e-12)
        slope = inputs.T @ wrong + PENALTY * weights
        return PENALTY / 2 * float((weights**2).sum()) - likelihood, np.concatenate([slope.ravel(), wrong.sum(0)])

    best = minimize(loss, np.zeros(size + count), jac=True, method="L-BFGS-B", options={"maxiter": ITERATIONS}).x
    return best[:size].reshape(-1, count), best[size:]


def softmax(scores: np.ndarray) -> np.ndarray:
    parts = np.exp(scores - scores.max(1, keepdims=True))
    return np.asarray(parts / parts.sum(1, keepdims=True))


def seen_codes(rows: Rows) -> np.ndarray:
    seen = np.zeros(1 << features.BITS, bool)
    for one in rows.codes:
        seen[list(one)] = True
    return seen


class HeldOut(NamedTuple):
    scores: np.ndarray
    unseen: np.ndarray


def held_out(public: Rows, polite: Rows, always: Rows) -> HeldOut:
    """Scores of each public prompt, and its share of unseen n-grams, by the folds that do not hold it.

    `polite` is `public`, row by row, within polite phrases.
    """
    folds = np.random.default_rng(FOLD_SEED).integers(0, FOLDS, len(public.codes))
    scores, unseen = np.zeros((len(folds), len(NAMES))), np.zeros(len(folds))
    for fold in range(FOLDS):
        print(f"fold {fold + 1} of {FOLDS}", file=sys.stderr)
        asked = public.at(folds == fold)
        known = public.at(folds != fold) + polite.at(folds != fold) + always
        weights, intercepts = fitted(known)
        seen = seen_codes(known)
        scores[folds == fold] = matrix(asked.codes) @ weights + intercepts
        unseen[folds == fold] = [1 - seen[list(one)].mean() for one in asked.codes]
    return HeldOut(scores, unseen)


def temperature(scores: np.ndarray, types: np.ndarray) -> float:
    def loss(factor: float) -> float:
        return -float(np.log(softmax(scores * factor)[np.arange(len(types)), types] + 1e-12).mean())

    return float(minimize_scalar(loss, bounds=(0.2, 5.0), method="bounded").x)


def certainties(chances: np.ndarray, types: np.ndarray) -> dict[str, float]:
    guess, sure = chances.argmax(1), chances.max(1)
    counted = ~np.isin(guess, [NAMES.index(name) for name in (*CHEAP, "other")])
    right = guess == types
    level = next(
        float(one)
        for one in np.arange(0.3, 1.0, 0.05)
        if (taken := counted & (sure >= one)).any() and right[taken].mean() >= PRECISION
    )
    asked = dict.fromkeys(NAMES, round(level, 2)) | dict.fromkeys(CHEAP, CERTAIN_CHEAP)
    return {**asked, "other": 0.0}


def calibration_error(chances: np.ndarray, types: np.ndarray) -> float:
    """Expected calibration error over ten bins of equal width."""
    sure, right = chances.max(1), chances.argmax(1) == types
    bins = np.minimum((sure * 10).astype(int), 9)
    return float(sum(abs(sure[bins == one].sum() - right[bins == one].sum()) for one in range(10)) / len(types))


def figures(out: HeldOut, chances: np.ndarray, types: np.ndarray, certain: dict[str, float]) -> dict[str, float]:
    guess, sure = chances.argmax(1), chances.max(1)
    told = sure >= np.array([certain[NAMES[one]] for one in guess])
    right = guess == types
    return {
        "prompts": len(types),
        "accuracy": round(float(right.mean()), 4),
        "told_share": round(float(told.mean()), 4),
        "accuracy_where_told": round(float(right[told].mean()), 4),
        "calibration_error": round(calibration_error(chances, types), 4),
        "unseen_mean": round(float(out.unseen.mean()), 4),
    }


def train(data: Path) -> tuple[dict[str, np.ndarray], dict[str, Any], dict[str, Any]]:
    """Arrays, model and figures."""
    public = rows_of(public_texts(data), 1.0)
    always = rows_of(workload_texts(WORKLOAD_SEED, WORKLOAD_ITEMS), WORKLOAD_WEIGHT)
    always += rows_of(phrases(), PHRASE_WEIGHT) + rows_of(wrapped(phrases()), PHRASE_WEIGHT * WRAPPED_WEIGHT)
    polite = rows_of(wrapped(public_texts(data)), WRAPPED_WEIGHT)
    out = held_out(public, polite, always)
    factor = temperature(out.scores, public.types)
    chances = softmax(out.scores * factor)
    certain = certainties(chances, public.types)
    weights, intercepts = fitted(public + polite + always)
    step = float(np.abs(weights).max()) / 127
    arrays = {
        "weights": np.rint(weights / step).astype(np.int8),
        "seen": np.packbits(seen_codes(public + polite + always), bitorder="little"),
    }
    model = {
        "features": features.VERSION, "names": list(NAMES), "bits": BITS, "scale": step * factor,
        "intercepts": [round(float(one) * factor, 6) for one in intercepts], "certain": certain,
        "unseen": round(float(np.quantile(out.unseen, 0.99)), 4),
    }  # fmt: skip
    return arrays, model, figures(out, chances, public.types, certain)


def card(model: dict[str, Any], measured: dict[str, Any], date: str) -> dict[str, Any]:
    return {
        "card": {
            "name": "task types, hashed n-grams", "date": date, "licence": "Apache-2.0",
            "made_by": "python tools/train_task_types.py --data ../shared/data",
            "data": [
                {"name": "uncommonroute_tiers, train split", "source": "CommonstackAI/UncommonRoute @ 30173e7a",
                 "licence": "MIT", "copyright": "CommonstackAI"},
                {"name": "generated workload", "seed": WORKLOAD_SEED, "items": WORKLOAD_ITEMS, "licence": "Apache-2.0"},
                {"name": "tools/task_type_phrases.tsv", "items": len(phrases()), "licence": "Apache-2.0"},
            ],
            "mapping": MAPPING,
            "figures_of_held_out_folds": measured,
            "limits": "Trained on short prompts. Classification, format checks and Italian are known from the workload "
                      "and from phrases of our own only.",
        },
        "model": model,
    }  # fmt: skip


def write(arrays: dict[str, np.ndarray], described: dict[str, Any]) -> None:
    """The same arrays give the same bytes: the archive carries no time."""
    with zipfile.ZipFile(f"{TARGET}.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, array in arrays.items():
            kept = io.BytesIO()
            np.save(kept, array)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), kept.getvalue(), zipfile.ZIP_DEFLATED, 9)
    Path(f"{TARGET}.json").write_text(json.dumps(described, indent=1) + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds routing/")
    parser.add_argument("--date", default=datetime.now(UTC).date().isoformat(), help="what the card says")
    given = parser.parse_args()
    arrays, model, measured = train(given.data)
    write(arrays, card(model, measured, given.date))
    print(json.dumps({**measured, "bytes": Path(f"{TARGET}.npz").stat().st_size, "certain": model["certain"]}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
