"""What guesses the task type where no rule tells it."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from baton.decide import features
from baton.decide.classifier import Classifier
from baton.types.classifier import ClassifierWeights

from .timing import least_s

BITS = 8


def weights(words: dict[str, tuple[int, int]], **changes: Any) -> ClassifierWeights:
    """Two types, told by single words."""
    table = bytearray(2 << BITS)
    seen = bytearray((1 << features.BITS) // 8)
    for word, pair in words.items():
        for code in features.buckets(word):
            seen[code // 8] |= 1 << code % 8
            at = 2 * (code % (1 << BITS))
            table[at : at + 2] = bytes(weight % 256 for weight in pair)
    made = ClassifierWeights(
        features=features.VERSION, names=("code", "content"), bits=BITS, weights=bytes(table), scale=0.05,
        intercepts=(0.0, 0.0), certain={"code": 0.7, "content": 0.7}, seen=bytes(seen), unseen=0.6,
    )  # fmt: skip
    return replace(made, **changes)


WEIGHTS = weights({"compile": (100, -128), "poem": (-128, 127), "write": (3, -3)})
CLASSIFIER = Classifier(WEIGHTS)


def test_the_likeliest_type_is_guessed_with_its_chance() -> None:
    guess = CLASSIFIER.guess("compile")
    odds = math.exp(0.05 * 228)
    assert guess.name == "code"
    assert guess.confidence == pytest.approx(odds / (1 + odds))
    assert CLASSIFIER.guess("Poem!").name == "content"


def test_nothing_is_guessed_below_the_chance_that_is_asked_for() -> None:
    guess = CLASSIFIER.guess("write")
    assert guess.name == ""
    assert 0.5 < guess.confidence < 0.7
    assert "not sure" in guess.why


def test_nothing_is_guessed_of_what_training_has_not_shown() -> None:
    guess = CLASSIFIER.guess("compile zxc vbn asd qwe")
    assert (guess.name, guess.confidence) == ("", 0.0)
    assert "new to the classifier" in guess.why
    assert CLASSIFIER.guess("").name == ""


def test_weights_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="trained with features '0'"):
        Classifier(replace(WEIGHTS, features="0"))
    with pytest.raises(ValueError, match="do not fit"):
        Classifier(replace(WEIGHTS, weights=WEIGHTS.weights[:-1]))


@given(st.dictionaries(st.sampled_from("abcdefgh"), st.tuples(st.integers(-128, 127), st.integers(-128, 127))))
@settings(max_examples=50)
def test_the_sum_in_one_integer_is_the_sum_of_each(words: dict[str, tuple[int, int]]) -> None:
    made = weights(words, certain={"code": 0.0, "content": 0.0}, unseen=1.0)
    codes = features.buckets(" ".join(words))
    factor = 0.05 / math.sqrt(len(codes) or 1)
    signed = [byte - 256 if byte > 127 else byte for byte in made.weights]
    scores = [factor * sum(signed[2 * (code % (1 << BITS)) + one] for code in codes) for one in (0, 1)]
    chance = max(math.exp(score) / sum(map(math.exp, scores)) for score in scores)
    guess = Classifier(made).guess(" ".join(words))
    assert guess.confidence == pytest.approx(chance if codes else 0.0)


@pytest.mark.parametrize("text", ["poem " * 200_000, "漢" * 100_000, "a b c d e f g h " * 20_000])
def test_no_text_takes_long(text: str) -> None:
    assert least_s(lambda: CLASSIFIER.guess(text)) < 0.05
