"""How well task types are recognised: confusion tables, and what disguise changes.

On the *test* file of uncommonroute_tiers, whose categories are mapped as the card of the classifier says, and on the
generated workload with a seed that training has not used. Three arms: the rules alone, the classifier alone, both.
"""

import json
import random
from collections import Counter
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from msgspec import Struct
from msgspec.structs import replace
from routing_cpu import least_us, prose

from baton.config.builtin_classifier import builtin_classifier
from baton.config.task_types import BUILTIN_TASK_TYPES
from baton.decide.task_type import Found, TaskTypeRules
from baton.simulate.workload.item import item
from baton.stats.intervals import wilson
from baton.types.request import Caller, Facts, Wish

WORKLOAD_SEED, WORKLOAD_ITEMS = 20_261, 1_000
FLIP_PROMPTS = 600
CPU_CHARACTERS = 2_000
ZERO_WIDTH_SEED = 3
HOMOGLYPHS = str.maketrans("abcdehijklmnopqstuvwxyABCEHIJKMNOPSTXYZ", "аЬсԁеһіјκӏмոοрԛѕτυνԝхуАВСЕНІЈΚМΝОРЅТХΥΖ")
"""Every letter that a common table of look-alikes knows, Cyrillic, Greek or Armenian."""
WRAPPERS = {
    "polite": "Hello! Could you please help me with the following? {} Thank you very much in advance!",
    "markdown": "# Request\n\n- {}\n",
}
"""None of them is among those that training has used."""
WITHOUT_RULES = {name: replace(one, match=()) for name, one in BUILTIN_TASK_TYPES.items()}
CHEAP = {name for name, one in BUILTIN_TASK_TYPES.items() if one.rule == "cheapest"}
ARMS: dict[str, TaskTypeRules] = {
    "rules": TaskTypeRules(BUILTIN_TASK_TYPES),
    "classifier": TaskTypeRules(WITHOUT_RULES, builtin_classifier()),
    "both": TaskTypeRules(BUILTIN_TASK_TYPES, builtin_classifier()),
}


class Labelled(Struct, frozen=True):
    facts: Facts
    task_type: str
    language: str


def task_types(data: Path) -> dict[str, Any]:
    card = json.loads(files("baton.config").joinpath("task_types.json").read_text())["card"]
    sources = {
        "uncommonroute_tiers_test": public(data, {one: name for name, all_ in card["mapping"].items() for one in all_}),
        "workload": [generated(index) for index in range(WORKLOAD_ITEMS)],
    }
    return {
        **{name: {arm: told(rules, rows) for arm, rules in ARMS.items()} for name, rows in sources.items()},
        "flips": flips(data, [row.facts.user_text for rows in sources.values() for row in rows]),
        "changed_by_wrapping": wrapped([row.facts.user_text for row in sources["uncommonroute_tiers_test"]]),
        "cpu_us": cpu(),
        "labels_seen": card["figures_of_held_out_folds"]["prompts"],
    }


def public(data: Path, mapping: dict[str, str]) -> list[Labelled]:
    rows = pq.read_table(data / "routing" / "uncommonroute_tiers.test.parquet").to_pylist()
    return [
        Labelled(Facts(user_text=row["prompt"]), mapping[row["category"]], row["lang"] or "none")
        for row in rows
        if row["category"] in mapping
    ]


def generated(index: int) -> Labelled:
    """Without the reference line, by which the simulated models know a task again."""
    one = item(WORKLOAD_SEED, index)
    facts = Facts(
        user_text=one.prompt.rpartition("\n\n(ref ")[0],
        system_text=one.system,
        tools=tuple(tool.name for tool in one.tools),
        tool_results=bool(one.history) and one.history[-1].role == "tool",
        response_schema=one.response_schema is not None,
    )
    return Labelled(facts, one.task_type, one.language)


def found(rules: TaskTypeRules, facts: Facts) -> Found:
    return rules.find(Wish(), Caller(), facts)


def told(rules: TaskTypeRules, rows: Sequence[Labelled]) -> dict[str, Any]:
    """`abstained`: nothing was told, so `other`. `wrongly_cheap`: sent to the cheapest model by mistake."""
    seen = [(row, found(rules, row.facts)) for row in rows]
    answers = [(row, one.name) for row, one in seen]
    said = [(row, one.name) for row, one in seen if one.source != "default"]
    confusion: dict[str, Counter[str]] = {}
    for row, name in answers:
        confusion.setdefault(row.task_type, Counter())[name] += 1
    languages = sorted({row.language for row in rows})
    dear = [(row, name) for row, name in answers if row.task_type not in CHEAP]
    return {
        "n": len(rows),
        "accuracy": share_right(answers),
        "abstained": round(1 - len(said) / len(rows), 4),
        "accuracy_where_told": share_right(said),
        "wrongly_cheap": round(sum(name in CHEAP for _, name in dear) / len(dear), 4),
        "confusion": {name: dict(confusion[name].most_common()) for name in sorted(confusion)},
        "per_language": {
            language: share_right([pair for pair in answers if pair[0].language == language]) for language in languages
        },
    }


def share_right(answers: Sequence[tuple[Labelled, str]]) -> dict[str, Any]:
    """Wilson's interval of 95 % beside the share."""
    right = sum(row.task_type == answer for row, answer in answers)
    interval = wilson(right, len(answers)) if answers else None
    return {
        "share": round(right / len(answers), 4) if answers else None,
        "interval": [round(interval.low, 4), round(interval.high, 4)] if interval else None,
        "of": len(answers),
    }


def flips(data: Path, texts: list[str]) -> dict[str, Any]:
    """Prompts whose task type is another one under a disguise that a reader does not see."""
    exams = pq.read_table(data / "routing" / "routellm_mmlu.test.parquet", columns=["prompt"]).column("prompt")
    texts = [*texts, *dict.fromkeys(exams.to_pylist())][: len(texts) + FLIP_PROMPTS]
    rng = random.Random(ZERO_WIDTH_SEED)
    disguises: dict[str, Callable[[str], str]] = {
        "homoglyphs_100_percent": lambda text: text.translate(HOMOGLYPHS),
        "zero_width_in_each_word": lambda text: " ".join(word[:1] + "\u200b" + word[1:] for word in text.split(" ")),
        "zero_width_30_percent": lambda text: "".join(
            letter + ("\u200b" if rng.random() < 0.3 else "") for letter in text
        ),
        "bidirectional_controls": lambda text: f"\u202e{text}\u202c",
    }
    plain = [found(ARMS["both"], Facts(user_text=text)).name for text in texts]
    return {"n": len(texts)} | {
        name: sum(
            found(ARMS["both"], Facts(user_text=disguise(text))).name != was
            for text, was in zip(texts, plain, strict=True)
        )
        for name, disguise in disguises.items()
    }


def wrapped(texts: list[str]) -> dict[str, Any]:
    """Prompts whose task type is another one within a wrapper that asks for the same."""
    plain = [found(ARMS["both"], Facts(user_text=text)).name for text in texts]
    return {"n": len(texts)} | {
        name: sum(
            found(ARMS["both"], Facts(user_text=wrapper.format(text))).name != was
            for text, was in zip(texts, plain, strict=True)
        )
        for name, wrapper in WRAPPERS.items()
    }


def cpu() -> dict[str, float]:
    text = prose(CPU_CHARACTERS)[:CPU_CHARACTERS]
    return {
        arm: least_us(lambda said, rules=rules: found(rules, Facts(user_text=said)), text)
        for arm, rules in ARMS.items()
    }
