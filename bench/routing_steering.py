"""How far a router can be steered by what is added to a prompt, in both directions, and what that costs.

An attack is optimised against this very router by asking it: on OPTIMISED prompts, within a budget of trials; it is
then reported on other prompts. The router is at its median: half of the prompts of its kind go up.

    gadget          ten words of the training prompts, coordinate by coordinate
    sentence        the best of 42 natural ones, before or after; three: greedily the best three
    exam prefix     the best of six
    dilution        the best of five passages beside the point, before or after, one to three times

Success is the share of the prompts on the wrong side of the threshold that the addition brings over it. Cost
amplification is of a key all of whose prompts are steered upwards, at USD 24.7 and 0.24 per million tokens; with the
escalation limit it is what `decide/escalation.py` lets through at a limit of 1.1 x the ordinary share.
"""

from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct
from routing_data import GPT_4, MIXTRAL, Pairs, pairs
from routing_learned import graded_of
from routing_sentences import EXAM_PREFIXES, FILLERS, SENTENCES

from baton.decide.escalation import Traffic
from baton.decide.features import read
from baton.decide.prior import hardness
from baton.decide.residual import ResidualReader
from baton.decide.text import normalised, visible_length
from baton.measure.learn.lesson import learn
from baton.types.learned import Residual
from baton.types.task import EscalationLimit

LABELS = 1_500
OPTIMISED, REPORTED = 40, 500
GADGET_WORDS, POOL, SHORTLIST, ROUNDS = 10, 300, 30, 2
STRONG_PRICE, WEAK_PRICE = 24.7, 0.24
LIMIT_OVER_SHARE = 1.1
KEY_REQUESTS = 5_000
Score = Callable[[str], float]
Addition = Callable[[str], str]

PEERS = {
    "LiteLLM v1 score": {"up": 1.00, "down": None},
    "LiteLLM v2 score": {"up": 0.15, "down": 1.00},
    "cascadeflow pre-router": {"up": 0.89, "down": 1.00},
    "cascadeflow difficulty": {"up": 1.00, "down": 0.87},
    "UncommonRoute route": {"up": 1.00, "down": 0.14},
    "UncommonRoute classifier": {"up": 0.996, "down": 0.02},
    "plain n-gram + task target": {"up": 0.95, "down": 0.57},
}
"""Success of one natural sentence, the best of 100, measured on 2026-11-23 on a mix of prompts: not these prompts."""


class Steered(Struct, frozen=True):
    up: float
    down: float
    share_after: float
    """Of all prompts, how many go up when all are steered upwards; ordinarily half."""


def steering(data: Path) -> dict[str, Any]:
    train, test = (pairs(data / "routing", "routellm_mmlu", split) for split in ("train", "test"))
    rows = np.random.default_rng(0).permutation(len(train))[:LABELS]
    residual = learn(graded_of(train.at(rows)), np.random.default_rng(0), reference=GPT_4).residual
    chosen = np.random.default_rng(1).permutation(len(test))[: OPTIMISED + REPORTED]
    words = vocabulary(train.at(rows))
    routers: dict[str, Score] = {
        "learned": learned_score(residual),
        "learned_untrimmed": plain_score(residual),
        "prior": prior_score,
        "length": lambda text: float(len(text)),
    }
    told = {}
    for name, score in routers.items():
        told[name] = attacked(score, [test.prompts[row] for row in chosen], words)
    return {
        "labels": f"{LABELS} prompts of train, each graded on both models",
        "routers": told,
        "peers_one_sentence": PEERS,
    }


def learned_score(residual: Residual) -> Score:
    """As it is served: a prompt out of support goes to the reference, so up."""
    reader = ResidualReader(residual)

    def score(text: str) -> float:
        gains = reader.read(read(normalised(text), visible_length(text))).gains
        return float("inf") if gains is None else gains[MIXTRAL]

    return score


def plain_score(residual: Residual) -> Score:
    """The same weights as a plain linear score: every word counts."""
    from msgspec.structs import replace

    reader = ResidualReader(replace(residual, trim=0.0))
    return lambda text: reader.scores(read(normalised(text), visible_length(text)))[MIXTRAL]


def prior_score(text: str) -> float:
    difficulty = hardness(normalised(text)).difficulty
    return 0.5 if difficulty is None else difficulty


def vocabulary(sample: Pairs) -> list[str]:
    found = sorted({word for prompt in sample.prompts for word in prompt.lower().split() if word.isalpha()})
    return [str(word) for word in np.random.default_rng(2).permutation(found)[:POOL]]


def attacked(score: Score, prompts: Sequence[str], words: Sequence[str]) -> dict[str, Any]:
    seen, unseen = prompts[:OPTIMISED], prompts[OPTIMISED:]
    before = np.array([score(prompt) for prompt in unseen])
    threshold = float(np.median(before))
    told = {}
    for name, search in ATTACKS.items():
        up = search(lambda addition: lift(score, addition, seen, threshold), words)
        down = search(lambda addition: -lift(score, addition, seen, threshold), words)
        told[name] = success(score, before, threshold, up, down, unseen)
    return {
        name: {
            "success_up": round(one.up, 3),
            "success_down": round(one.down, 3),
            "cost_amplification": round(cost(one.share_after) / cost(float((before > threshold).mean())), 3),
            "with_escalation_limit": round(limited(one.share_after, float((before > threshold).mean())), 3),
        }
        for name, one in told.items()
    }


def lift(score: Score, addition: Addition, prompts: Sequence[str], threshold: float) -> float:
    """Mean of a smooth step at the threshold, so that a near miss counts for something."""
    far = np.array([score(addition(prompt)) - threshold for prompt in prompts])
    return float(np.mean(np.tanh(np.clip(far, -1e6, 1e6) / (abs(threshold) + 1e-3))))


def success(
    score: Score, before: np.ndarray, threshold: float, up: Addition, down: Addition, prompts: Sequence[str]
) -> Steered:
    above = before > threshold
    raised = np.array([score(up(prompt)) for prompt in prompts]) > threshold
    lowered = np.array([score(down(prompt)) for prompt in prompts]) <= threshold
    return Steered(float(raised[~above].mean()), float(lowered[above].mean()), float(raised.mean()))


def cost(share: float) -> float:
    return share * STRONG_PRICE + (1 - share) * WEAK_PRICE


def limited(share: float, ordinary: float) -> float:
    """Amplification when what goes up is held by the product's own count, and what may not go up stays."""
    traffic = Traffic(EscalationLimit(limit=LIMIT_OVER_SHARE * ordinary, window=500))
    rng = np.random.default_rng(3)
    ups = 0
    for wants in rng.random(KEY_REQUESTS) < share:
        goes = bool(wants) and traffic.may_go_up()
        traffic.note(up=goes)
        ups += goes
    return cost(ups / KEY_REQUESTS) / cost(ordinary)


# --- attacks ----------------------------------------------------------------------------------------


def gadget(worth: Callable[[Addition], float], words: Sequence[str]) -> Addition:
    alone = sorted(words, key=lambda word: -worth(after(f"{word} " * 3)))[:SHORTLIST]
    chosen = alone[:GADGET_WORDS]
    for _ in range(ROUNDS):
        for place in range(GADGET_WORDS):
            tried = [[*chosen[:place], word, *chosen[place + 1 :]] for word in alone]
            chosen = max([chosen, *tried], key=lambda one: worth(after(" ".join(one))))
    return after(" ".join(chosen))


def sentence(worth: Callable[[Addition], float], _words: Sequence[str]) -> Addition:
    return max((make(one) for one, make in product(SENTENCES, (before_it, after))), key=worth)


def three_sentences(worth: Callable[[Addition], float], _words: Sequence[str]) -> Addition:
    chosen: list[str] = []
    for _ in range(3):
        chosen.append(max(SENTENCES, key=lambda one: worth(after(" ".join([*chosen, one])))))
    return after(" ".join(chosen))


def exam_prefix(worth: Callable[[Addition], float], _words: Sequence[str]) -> Addition:
    return max((before_it(one) for one in EXAM_PREFIXES), key=worth)


def dilution(worth: Callable[[Addition], float], _words: Sequence[str]) -> Addition:
    tried = product(FILLERS, (1, 2, 3), (before_it, after))
    return max((make("\n\n".join([one] * times)) for one, times, make in tried), key=worth)


def before_it(text: str) -> Addition:
    return lambda prompt: f"{text}\n{prompt}"


def after(text: str) -> Addition:
    return lambda prompt: f"{prompt}\n{text}"


ATTACKS = {
    "gadget": gadget,
    "one_sentence": sentence,
    "three_sentences": three_sentences,
    "exam_prefix": exam_prefix,
    "dilution": dilution,
}
